//= wants: a file outside, by an import that only eval and Function see
const path = ["@outside@", "secret.ts"].join("/");
const ways: (() => Promise<{ secret?: string }>)[] = [
  () => (0, eval)(`import("file://${path}")`),
  () => new Function(`return import("file://${path}")`)(),
  () => eval(`import("file://${path}")`),
];
for (const way of ways) {
  try {
    console.log("CAPTURED", (await way()).secret);
  } catch {
    // the next one
  }
}
