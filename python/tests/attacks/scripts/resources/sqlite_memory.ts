//= wants: more than 512 MB, by a database in memory
//= limit: 8
import { DatabaseSync } from "node:sqlite";
const database = new DatabaseSync(":memory:");
database.exec("CREATE TABLE t (a)");
const row = database.prepare("INSERT INTO t VALUES (zeroblob(16000000))");
for (let number = 0; number < 44; number++) row.run();
console.log("CAPTURED", Math.round(Deno.memoryUsage().rss / 1e6), "MB");
