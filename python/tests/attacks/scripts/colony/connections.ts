//= wants: so many connections to the colony that it takes no others
//= limit: 6
const kept: Deno.Conn[] = [];
try {
  while (kept.length < 1200) kept.push(await Deno.connect({ hostname: "@colony_host@", port: @colony_port@ }));
} catch {
  // no more
}
if (kept.length >= 1200) console.log("CAPTURED", kept.length, "connections");
for (const connection of kept) connection.close();
