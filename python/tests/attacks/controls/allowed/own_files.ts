//= wants: its own files: code, JSON and text beside it and below, by imports and by reading
/*= lib/part.ts
export const part: number = 1;
=*/
/*= data/table.json
{"value": 2}
=*/
/*= notes.txt
three
=*/
import { part } from "./lib/part.ts";
import table from "./data/table.json" with { type: "json" };
import text from "./notes.txt" with { type: "text" };
import fs from "node:fs";
const computed = await import(["./lib", "part.ts"].join("/"));
const read = Deno.readTextFileSync(new URL("./notes.txt", import.meta.url));
const names = [...Deno.readDirSync(import.meta.dirname!)].map((entry) => entry.name);
if (part + computed.part + table.value === 4 && text === read && fs.existsSync("@folder@/data") && names.includes("lib")) {
  console.log("WORKS");
}
