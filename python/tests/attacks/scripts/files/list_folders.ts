//= wants: what there is on this machine: names of files outside
import fs from "node:fs";
const found: string[] = [];
const ways: (() => Promise<void> | void)[] = [
  async () => {
    for await (const entry of Deno.readDir("@home@")) found.push(entry.name);
  },
  () => found.push(...[...Deno.readDirSync("@folder@/..")].map((entry) => entry.name)) as unknown as void,
  () => found.push(...fs.readdirSync("/")) as unknown as void,
  async () => {
    for await (const entry of await fs.promises.opendir("@outside@")) found.push(entry.name);
  },
  () => found.push(...fs.globSync("@outside@/*")) as unknown as void,
  () => found.push(...fs.globSync("../*/secret.*")) as unknown as void,
  () => found.push(...fs.readdirSync("@home@", { recursive: true }) as string[]) as unknown as void,
];
for (const way of ways) {
  try {
    await way();
  } catch {
    // the next one
  }
}
if (found.length) console.log("CAPTURED", found.slice(0, 5).join(" "));
