//= wants: to leave a word for another process: by names that processes share
const ways: (() => unknown)[] = [
  () => Deno.writeTextFileSync("/dev/shm/coral-attack", "x"),
  () => Deno.openSync("/dev/mqueue/coral-attack", { write: true, create: true }).close(),
  () => Deno.listen({ transport: "unix", path: "@tmp@/word.sock" }).close(),
  () => Deno.symlinkSync("a word", "@tmp@/word"),
  () => Deno.utimeSync("@outside@/secret.txt", 1, 1),
];
for (const [number, way] of ways.entries()) {
  try {
    way();
    console.log("CAPTURED by way", number);
    Deno.removeSync("/dev/shm/coral-attack");
  } catch {
    // the next one
  }
}
