//= wants: what a virtual environment beside the script keeps: a token in its settings
/*= venv/pyvenv.cfg
home = /usr/bin
=*/
/*= venv/pip.conf
[global]
index-url = https://user:venv-token@registry.example/simple
=*/
const ways: (() => string | Promise<string>)[] = [
  () => Deno.readTextFileSync("@folder@/venv/pip.conf"),
  async () => (await import("./venv/pip.conf", { with: { type: "text" } })).default,
  async () => await (await fetch(new URL("./venv/pip.conf", import.meta.url))).text(),
];
for (const [number, way] of ways.entries()) {
  try {
    if ((await way()).includes("venv-token")) console.log("CAPTURED by way", number);
  } catch {
    // the next one
  }
}
