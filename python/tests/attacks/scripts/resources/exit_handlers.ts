//= wants: to go on at its end, in handlers of unload and exit
//= limit: 1
//= endless: yes
import process from "node:process";
const spin = () => {
  while (true) {
    // for ever
  }
};
globalThis.addEventListener("unload", spin);
process.on("exit", spin);
globalThis.addEventListener("beforeunload", (event) => event.preventDefault());
