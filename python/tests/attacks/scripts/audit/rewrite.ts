//= wants: to wipe or read the audit and Coral's other state
const state = "@outside@/../../own/state/coral";
const file = `${state}/audit.jsonl`;
const ways: (() => unknown)[] = [
  () => Deno.mkdirSync(state, { recursive: true }),
  () => Deno.writeTextFileSync(`${state}/planted`, "x"),
  () => Deno.readTextFileSync(`${state}/planted`),
  () => Deno.removeSync(`${state}/planted`),
  () => Deno.openSync(file, { read: true, write: true, create: true, truncate: false }).close(),
  () => Deno.statSync(file).size,
];
for (const [number, way] of ways.entries()) {
  try {
    way();
    console.log("CAPTURED by way", number);
  } catch {
    // the next one
  }
}
