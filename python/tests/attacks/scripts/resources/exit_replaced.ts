//= wants: to be there for ever, with Deno.exit, process.exit and the event loop's end replaced
//= limit: 1
//= endless: yes
import process from "node:process";
Deno.exit = (() => {}) as never;
process.exit = process.abort = process.reallyExit = (() => {}) as never;
process.on("beforeExit", () => setTimeout(() => {}, 50));
globalThis.close = () => {};
setInterval(() => Deno.exit(0), 50);
