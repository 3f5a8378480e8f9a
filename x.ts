/** Lists the services that the colony knows: a script to begin with. */
import * as coral from "@coral/sdk";

const services = await coral.services.list();
for (const service of services) {
  console.log(`${service.name}, last seen ${service.lastSeen.toISOString()}`);
}
if (services.length === 0) {
  console.log("No service has sent anything yet. Run `coral demo` in another terminal.");
}
