//= wants: a file outside, and to end as if nothing had been refused
let text = "";
try {
  text = Deno.readTextFileSync("@outside@/secret.txt");
} catch {
  text = "";
}
if (text) console.log("CAPTURED", text);
Deno.exit(0);
