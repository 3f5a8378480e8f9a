//= wants: the system's resolver, which would carry names out
import dns from "node:dns";
await new Promise((done) => {
  dns.lookup("localhost", (error, address) => {
    if (!error) console.log("CAPTURED lookup", address);
    done(0);
  });
});
try {
  console.log("CAPTURED lookup", (await dns.promises.lookup("localhost")).address);
} catch {
  // the next one
}
await new Promise((done) => {
  dns.lookupService("127.0.0.1", 22, (error, host) => {
    if (!error) console.log("CAPTURED lookupService", host);
    done(0);
  });
});
