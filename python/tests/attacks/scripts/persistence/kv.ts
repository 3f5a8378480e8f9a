//= wants: to leave something for the next run, by Deno.openKv
//= bare: -A --unstable-kv
//= runs: 2
for (const path of [undefined, "@folder@/kv.db", "@tmp@/kv.db"]) {
  try {
    const kv = await Deno.openKv(path);
    const before = await kv.get(["left"]);
    await kv.set(["left"], "by the first run");
    kv.close();
    if (before.value) console.log("CAPTURED", before.value);
  } catch {
    // the next one
  }
}
