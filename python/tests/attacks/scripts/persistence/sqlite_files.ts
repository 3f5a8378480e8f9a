//= wants: databases on disk, by node:sqlite: its own, an attached one, a copy, a backup
import { backup, DatabaseSync } from "node:sqlite";
const ways: (() => unknown)[] = [
  () => new DatabaseSync("@folder@/own.db").exec("CREATE TABLE t (a)"),
  () => new DatabaseSync("@tmp@/own.db").exec("CREATE TABLE t (a)"),
  () => new DatabaseSync(":memory:").exec("ATTACH '@tmp@/attached.db' AS a; CREATE TABLE a.t (a)"),
  () => new DatabaseSync(":memory:").exec("CREATE TABLE t (a); VACUUM INTO '@tmp@/vacuumed.db'"),
  () => new DatabaseSync("file:@tmp@/uri.db?mode=rwc").exec("CREATE TABLE t (a)"),
  () => backup(new DatabaseSync(":memory:"), "@tmp@/backup.db"),
  () => {
    const database = new DatabaseSync(":memory:", { allowExtension: true });
    database.loadExtension("libc.so.6");
  },
  () => new DatabaseSync(":memory:").exec("PRAGMA temp_store_directory = '@tmp@'; PRAGMA journal_mode = WAL; ATTACH '' AS x"),
];
for (const [number, way] of ways.entries()) {
  try {
    await way();
    if (number < 6) console.log("CAPTURED way", number);
  } catch {
    // the next one
  }
}
