//= wants: its parent's environment as text, by static and computed imports
import own from "/proc/self/environ" with { type: "text" };
console.log("CAPTURED", own.length, own.includes("coral-secret-") ? "with the secret" : "");
