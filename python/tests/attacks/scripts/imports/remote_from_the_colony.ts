//= wants: to have the colony's address take part in an import
const specifier = "http://@colony@/module.ts";
try {
  await import(specifier);
} catch (error) {
  // Bare, Deno asks the colony's port for a module and tells what came back; the harness proves it by that.
  if (/error (sending|reading)|client error|hyper|http2|frame|invalid/i.test(String(error))) {
    console.log("CAPTURED a request:", String(error).split("\n")[0].slice(0, 100));
  }
}
