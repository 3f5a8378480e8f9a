//= wants: a raw TCP connection, by Deno.connect, connectTls and startTls
for (const way of [
  () => Deno.connect({ hostname: "127.0.0.1", port: @port@ }),
  () => Deno.connect({ port: @port@ }),
  () => Deno.connect({ hostname: "localhost", port: @port@ }),
  () => Deno.connectTls({ hostname: "127.0.0.1", port: @port@ }),
]) {
  try {
    const connection = await way();
    await connection.write(new TextEncoder().encode("stolen"));
    console.log("CAPTURED");
    connection.close();
  } catch {
    // the next one
  }
}
