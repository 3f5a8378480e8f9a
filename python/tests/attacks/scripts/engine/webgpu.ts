//= wants: the graphics card and its drivers, which no permission covers
//= remains: landlock
const { gpu } = navigator as unknown as { gpu?: { requestAdapter(): Promise<{ info: { description: string }; requestDevice(): Promise<object> } | null> } };
try {
  const adapter = await gpu?.requestAdapter();
  if (adapter) console.log("CAPTURED", adapter.info.description, typeof await adapter.requestDevice());
} catch {
  // the next one
}
// Bare, where the machine has no driver, its files stand for it.
try {
  if ([...Deno.readDirSync("/usr/lib")].length) console.log("CAPTURED the libraries of the system");
} catch {
  // refused
}
Deno.exit(0);
