//= wants: another server of the colony's host, by fetch
for (const host of ["127.0.0.1", "localhost", "127.0.0.2", "[::ffff:127.0.0.1]", "0.0.0.0", "0x7f.1", "2130706433", "127.1"]) {
  try {
    const text = await (await fetch(`http://${host}:@port@/?stolen=data`, { signal: AbortSignal.timeout(800) })).text();
    console.log("CAPTURED by", host, text.length);
  } catch {
    // the next one
  }
}
