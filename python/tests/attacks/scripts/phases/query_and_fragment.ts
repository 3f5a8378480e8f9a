//= wants: a file outside, by a specifier with a query, a fragment or an odd ending
const found: unknown[] = [];
for (const ending of ["?x", "#x", "?x=1#y", "?", "#", "?.ts", "#.json"]) {
  try {
    found.push((await import(`file://@outside@/secret.js${ending}`)).secret);
  } catch {
    // the next one
  }
}
if (found.some((text) => String(text).startsWith("coral-secret-"))) console.log("CAPTURED", found);
