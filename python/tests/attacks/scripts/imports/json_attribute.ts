//= wants: a JSON file outside, by a static import
import data from "../outside/secret.json" with { type: "json" };
console.log("CAPTURED", data.password);
