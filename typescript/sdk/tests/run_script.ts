// Runs scripts as `coral run` does: the shipped bundle, an import map, and no rights but the colony's.

/** The bundle as it ships; `./bazelw run //:dev` or build.mjs puts it there. */
export const bundle = new URL("../../../python/coral/_sdk/mod.js", import.meta.url).href;

// Less than the 30 s after which a call gives up: a process that waits for that is killed and fails.
const DEADLINE_MS = 25_000;

/** How a script ended. */
export interface Ended {
  code: number;
  stdout: string;
  stderr: string;
}

/**
 * Runs a script.
 *
 * @param script Its text, or the URL of its file.
 * @param address Where the colony is; none for a script without a connection.
 * @param params Its parameters.
 * @param more What else the connection says, such as `socket`, to which it may connect then.
 */
export async function run(
  script: string | URL,
  address?: string,
  params: Record<string, unknown> = {},
  more: Record<string, unknown> = {},
): Promise<Ended> {
  const folder = await Deno.makeTempDir();
  try {
    const connection = {
      mode: "cli",
      address,
      tls: false,
      ca: null,
      token: null,
      params,
      scriptName: "script.ts",
      executionId: "00000000-0000-4000-8000-000000000001",
      ...more,
    };
    const said = address === undefined && more.socket === undefined
      ? ""
      : `globalThis[Symbol.for("coral.connection")] = ${JSON.stringify(connection)};`;
    await Deno.writeTextFile(`${folder}/connection.js`, said);
    await Deno.writeTextFile(`${folder}/sdk.js`, `import "./connection.js";\nexport * from "${bundle}";`);
    await Deno.writeTextFile(`${folder}/map.json`, JSON.stringify({ imports: { "@coral/sdk": "./sdk.js" } }));
    const file = script instanceof URL ? script.href : `${folder}/script.ts`;
    if (typeof script === "string") await Deno.writeTextFile(file, script);
    const rights = address === undefined ? [] : [`--allow-net=${address}`];
    const { socket } = more;
    if (socket) rights.push(`--allow-net=unix:${socket}`, `--allow-read=${socket}`, `--allow-write=${socket}`);
    const flags = ["--no-prompt", "--no-config", "--no-remote", "--no-npm", `--import-map=${folder}/map.json`];
    const command = new Deno.Command(Deno.execPath(), {
      args: ["run", ...flags, ...rights, file],
      signal: AbortSignal.timeout(DEADLINE_MS),
      clearEnv: true,
      env: { NO_COLOR: "1", DENO_DIR: `${folder}/deno`, DENO_NO_UPDATE_CHECK: "1" },
    });
    const { code, stdout, stderr } = await command.output();
    const decoder = new TextDecoder();
    return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
