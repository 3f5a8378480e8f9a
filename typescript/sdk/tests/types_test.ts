// The .d.ts files that ship: a user's editor and `coral run --check` read them, not our sources.

import assert from "node:assert/strict";

const types = new URL("../../../python/coral/_sdk/types/", import.meta.url).href;
const imports = { "@coral/sdk": `${types}mod.d.ts`, "@coral/sdk/skills": `${types}skills.d.ts` };

async function check(script: string): Promise<{ code: number; output: string }> {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/script.ts`, script);
    await Deno.writeTextFile(`${folder}/map.json`, JSON.stringify({ imports }));
    const command = new Deno.Command(Deno.execPath(), {
      args: ["check", "--no-config", "--no-remote", `--import-map=${folder}/map.json`, `${folder}/script.ts`],
      env: { NO_COLOR: "1", DENO_DIR: `${folder}/deno`, DENO_NO_UPDATE_CHECK: "1" },
    });
    const { code, stderr } = await command.output();
    return { code, output: new TextDecoder().decode(stderr) };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("the snippets of the design document compile against the shipped types", async () => {
  const snippets = await Deno.readTextFile(new URL("rfd_snippets.ts", import.meta.url));
  const { code, output } = await check(snippets);
  assert.equal(code, 0, output);
});

for (const example of Deno.readDirSync(new URL("../../examples", import.meta.url))) {
  if (!example.name.endsWith(".ts")) continue;
  Deno.test(`the example ${example.name} compiles against the shipped types`, async () => {
    const script = await Deno.readTextFile(new URL(`../../examples/${example.name}`, import.meta.url));
    const { code, output } = await check(script);
    assert.equal(code, 0, output);
  });
}

const wrong = {
  "a percentile is a number": `const text: string = await coral.metrics.getP99("a");`,
  "a status is ok or error": `await coral.traces.query({ status: "failed" });`,
  "a handle's service is bound": `const [svc] = await coral.services.list(); await svc.metrics.getP99("a", "m", "5m");`,
  "an option is spelt right": `await coral.traces.query({ minDuraton: "5ms" });`,
  "a percentile may be absent in a series": `const p: number = (await coral.metrics.series("a"))[0].p99;`,
  "a severity of an event is one of three": `await coral.emit("a", {}, { severity: "error" });`,
  "a severity is one of six": `await coral.logs.query({ minSeverity: "warning" });`,
  "a handle's logs have its service bound": `const [s] = await coral.services.list(); s.logs.query({ service: "x" });`,
  "a function's line may be unknown": `const line: number = (await coral.functions.get("a", "f")).line;`,
  "a row has the columns of its type": `(await coral.db.query<{ a: number }>("SELECT 1 AS a"))[0].b;`,
};
for (const [rule, line] of Object.entries(wrong)) {
  Deno.test(`the shipped types hold that ${rule}`, async () => {
    const { code, output } = await check(`import * as coral from "@coral/sdk";\n${line}\n`);
    assert.equal(code, 1, "it compiled");
    assert.match(output, /TS\d+/);
  });
}
