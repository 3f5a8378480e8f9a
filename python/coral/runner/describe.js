// Runs before a script that is only asked for its parameters (`--help-script`): what it declares goes to
// stdout after a word that the script does not know, and the script ends there. So does that it ends itself.

const word = globalThis[Symbol.for("coral.describe")];
delete globalThis[Symbol.for("coral.describe")];
const { stdout } = Deno;
const exit = Deno.exit.bind(Deno);
const { stringify } = JSON;

function say(text) {
  const bytes = new TextEncoder().encode(`\n${word}${text}\n`);
  for (let done = 0; done < bytes.length;) done += stdout.writeSync(bytes.subarray(done));
}

Deno.exit = (code) => {
  say("exited");
  exit(code);
};
globalThis[Symbol.for("coral.run")].describe = (specs) => {
  say(stringify(specs));
  exit(0);
};
