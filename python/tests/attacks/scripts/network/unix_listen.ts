//= wants: a Unix socket of its own, for others to connect to
for (const path of ["@tmp@/own.sock", "@folder@/own.sock", "\0coral-own-@harness@"]) {
  try {
    Deno.listen({ transport: "unix", path }).close();
    console.log("CAPTURED", JSON.stringify(path));
  } catch {
    // the next one
  }
}
