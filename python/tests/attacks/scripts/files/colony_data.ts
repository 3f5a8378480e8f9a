//= wants: the colony's database itself, around its queries
for (const entry of Deno.readDirSync("@colony_data@")) console.log("CAPTURED", entry.name);
