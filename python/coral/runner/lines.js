// Runs after clock.js under `coral backtest`: what the script prints is told with the time of its clock, one JSON
// object a line after a record separator.

import { format } from "node:util";

const { stdout } = Deno;
const { clock } = globalThis[Symbol.for("coral.run")];

for (const name of ["debug", "log", "info", "warn", "error"]) {
  console[name] = (...given) => {
    const line = JSON.stringify({ time: clock.now(), level: name, text: format(...given) });
    const bytes = new TextEncoder().encode(`\x1e${line}\n`);
    for (let done = 0; done < bytes.length;) done += stdout.writeSync(bytes.subarray(done));
  };
}
