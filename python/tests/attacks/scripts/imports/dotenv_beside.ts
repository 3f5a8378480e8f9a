//= wants: an .env beside the script, by a static import
/*= .env
PASSWORD=coral-secret-beside
=*/
import text from "./.env" with { type: "text" };
console.log("CAPTURED", text.trim());
