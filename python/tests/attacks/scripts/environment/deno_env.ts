//= wants: tokens in the caller's environment, by Deno.env
const found: Record<string, string | undefined> = {};
for (const name of ["AWS_SECRET_ACCESS_KEY", "CORAL_TOKEN", "GITHUB_TOKEN", "HOME", "USER"]) {
  try {
    found[name] = Deno.env.get(name);
  } catch {
    // the next one
  }
}
try {
  Object.assign(found, Deno.env.toObject());
} catch {
  // the harness looks at what was found
}
const names = Object.keys(found).filter((name) => found[name] !== undefined);
if (names.length) console.log("CAPTURED", names.join(" "), found.CORAL_TOKEN);
