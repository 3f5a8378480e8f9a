//= wants: a sequence that no single write shows
//= terminal: yes
//= seen: \x1b(\r?\n)?\]?52;
const encode = (text: string) => new TextEncoder().encode(text);
for (const part of ["\x1b", "]", "52;c;", "eA==", "\x07"]) {
  Deno.stdout.writeSync(encode(part));
  await new Promise((done) => setTimeout(done, 30));
}
