//= wants: keys and tokens in the user's home, by every way of reading that Deno has
const files = [".ssh/id_ed25519", ".aws/credentials", ".npmrc", ".bash_history", ".netrc"];
const ways: ((path: string) => unknown)[] = [
  (path) => Deno.readTextFile(path),
  (path) => Deno.readTextFileSync(path),
  async (path) => new TextDecoder().decode(await Deno.readFile(path)),
  (path) => new TextDecoder().decode(Deno.readFileSync(path)),
  async (path) => await new Response((await Deno.open(path)).readable).text(),
  (path) => {
    using file = Deno.openSync(path, { read: true });
    const bytes = new Uint8Array(100);
    return new TextDecoder().decode(bytes.subarray(0, file.readSync(bytes) ?? 0));
  },
];
for (const file of files) {
  for (const [number, way] of ways.entries()) {
    try {
      const text = String(await way(`@home@/${file}`));
      if (text.includes("coral-secret-")) console.log("CAPTURED", file, number, text.trim());
    } catch {
      // the next one
    }
  }
}
