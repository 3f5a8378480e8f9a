//= wants: a file outside, by computed imports of links, which no look at the code finds
//= link: notes.ts -> @outside@/secret.ts
//= link: lib -> @outside@
for (const name of ["notes", "lib/secret"]) {
  try {
    const module = await import(`./${name}.ts`);
    console.log("CAPTURED", module.secret);
  } catch {
    // the next one
  }
}
try {
  const module = await import(["./lib", "secret.txt"].join("/"), { with: { type: "text" } });
  console.log("CAPTURED", module.default);
} catch {
  // the harness looks for the lines above
}
