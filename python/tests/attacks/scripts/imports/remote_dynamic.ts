//= wants: code from the network, by dynamic imports
for (const host of ["127.0.0.1", "localhost", "127.0.0.2", "0x7f000001", "127.1"]) {
  try {
    const { secret } = await import(`http://${host}:@port@/module.ts`);
    console.log("CAPTURED", secret);
  } catch {
    // the next one
  }
}
