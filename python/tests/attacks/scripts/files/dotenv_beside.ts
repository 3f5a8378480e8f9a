//= wants: the secrets in an .env beside the script, by reading it
/*= .env
PASSWORD=coral-secret-beside
=*/
/*= config/.env.production
PASSWORD=coral-secret-beside
=*/
import process from "node:process";
for (const name of [".env", "./config/.env.production", "config/../.env"]) {
  try {
    if (Deno.readTextFileSync("@folder@/" + name).includes("coral-secret-")) console.log("CAPTURED", name);
  } catch {
    // the next one
  }
}
try {
  process.loadEnvFile("@folder@/.env");
  if (process.env.PASSWORD) console.log("CAPTURED", process.env.PASSWORD);
} catch {
  // the harness looks for the line above
}
