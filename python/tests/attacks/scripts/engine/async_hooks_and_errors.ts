//= wants: what the engine's error texts and stack frames tell about places outside
Error.prepareStackTrace = (_, frames) => frames.map((frame) => frame.getFileName()).join(" ");
const places = new Set<string>();
const note = (error: unknown) => {
  for (const [path] of String((error as Error)?.stack ?? error).matchAll(/\/[\w.~/-]+/g)) places.add(path);
};
for (const way of [() => import("@coral/sdk").then((sdk) => (sdk as { db: { query(sql: string): unknown } }).db.query(1 as unknown as string)), () => Deno.readTextFile("/etc/passwd").then(note), () => Promise.reject(new Error(String(Deno.readTextFileSync("@outside@/secret.txt"))))]) {
  try {
    await way();
  } catch (error) {
    note(error);
    if (String(error).includes("coral-secret-") || (error as Error).message?.includes("coral-secret-")) console.log("CAPTURED", (error as Error).message);
  }
}
for (const place of places) if (place.startsWith("@home@/")) console.log("CAPTURED", place);
