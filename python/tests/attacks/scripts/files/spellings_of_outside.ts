//= wants: a file outside, by other spellings of its path
const outside = "@outside@/secret.txt";
const spellings: (string | URL)[] = [
  "../outside/secret.txt",
  "./../outside/secret.txt",
  "@folder@/../outside/secret.txt",
  "@folder@/./.././outside//secret.txt",
  "@folder@/x/../../outside/secret.txt",
  "/" + outside,
  "/." + outside,
  new URL("file://" + outside),
  new URL("../outside/secret.txt", import.meta.url),
  new URL("file://localhost" + outside),
  "@folder@\0/../outside/secret.txt",
  "@folder@" + "/..".repeat(20) + outside,
];
for (const spelling of spellings) {
  try {
    const text = await Deno.readTextFile(spelling);
    if (text.includes("coral-secret-")) console.log("CAPTURED as", String(spelling));
  } catch {
    // the next one
  }
}
