//= wants: other hosts at the colony's port number: 127.0.0.2 here stands for the whole network
const listener = (() => {
  try {
    return Deno.listen({ hostname: "127.0.0.2", port: @colony_port@ });
  } catch {
    return null;
  }
})();
for (const hostname of ["127.0.0.2", "127.0.0.3", "0.0.0.0", "::1"]) {
  try {
    (await Deno.connect({ hostname, port: @colony_port@ })).close();
    console.log("CAPTURED", hostname);
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionRefused) console.log("CAPTURED a try at", hostname);
  }
}
listener?.close();
