// A registry of npm packages on a free port of loopback, which knows no other registry: node registry.mjs FOLDER MODULES
import { createRequire } from "node:module";

const [folder, modules] = process.argv.slice(2);
const { runServer } = createRequire(`${modules}/anchor.js`)("verdaccio");
const server = await runServer({
  storage: `${folder}/storage`,
  self_path: folder,
  web: { enable: false },
  auth: { htpasswd: { file: `${folder}/htpasswd`, max_users: -1 } },
  uplinks: {},
  packages: { "**": { access: "$all", publish: "$all" } },
  log: { type: "stdout", format: "json", level: "fatal" },
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
