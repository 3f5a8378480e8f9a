//= wants: to ask the colony by the SDK, which is what scripts are for
import * as coral from "@coral/sdk";
const services = await coral.services.list();
const rows = await coral.db.query("SELECT 1 AS one");
if (services.length === 1 && rows[0].one === 1) console.log("WORKS");
