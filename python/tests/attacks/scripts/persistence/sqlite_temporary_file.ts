//= wants: the disk, by SQLite's temporary files, which need no permission
//= limit: 6
import { DatabaseSync } from "node:sqlite";
const database = new DatabaseSync(":memory:");
database.exec("PRAGMA temp_store = FILE; PRAGMA cache_size = 10; PRAGMA cache_spill = 1");
try {
  // An empty name is a database in a temporary file; a temporary table goes to another one.
  database.exec("CREATE TEMP TABLE t (a)");
  const row = database.prepare("INSERT INTO t VALUES (zeroblob(1000000))");
  for (let number = 0; number < 64; number++) row.run();
} catch (error) {
  console.log("refused:", String(error));
  Deno.exit(0);
}
// 64 MB in a file, if they are not in memory.
const { rss } = Deno.memoryUsage();
const empty = new DatabaseSync("");
empty.exec("PRAGMA cache_size = 10");
empty.exec("CREATE TABLE t (a)");
try {
  const row = empty.prepare("INSERT INTO t VALUES (zeroblob(1000000))");
  for (let number = 0; number < 64; number++) row.run();
} catch (error) {
  console.log("refused:", String(error));
  Deno.exit(0);
}
const grown = (Deno.memoryUsage().rss - rss) / 1e6;
if (grown < 40) console.log("CAPTURED 64 MB on disk; memory grew by", Math.round(grown), "MB");
