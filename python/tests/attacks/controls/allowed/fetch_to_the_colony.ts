//= wants: a connection of its own to the colony's address
const connection = await Deno.connect({ hostname: "@colony_host@", port: @colony_port@ });
await connection.write(new TextEncoder().encode("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"));
const bytes = new Uint8Array(9);
await connection.read(bytes);
connection.close();
if (bytes[3] === 4) console.log("WORKS"); // a SETTINGS frame
