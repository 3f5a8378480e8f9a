//= wants: what other scripts of the same user do: their parameters, in the directories of runs
const found = [];
for (let number = 0; number < 64; number++) {
  for (const name of ["import_map.json", "sdk.js", "connection.js", "lock"]) {
    try {
      Deno.mkdirSync(`@cache@/runs/${number}`, { recursive: true });
    } catch {
      // it may be there
    }
    try {
      Deno.statSync(`@cache@/runs/${number}`);
      if (number > 0 && number < 3) found.push(...[...Deno.readDirSync(`@cache@/runs/${number}`)].map((e) => e.name), number);
    } catch {
      // the next one
    }
    void name;
  }
}
if (found.length) console.log("CAPTURED", found.join(" "));
