"""Runs a TypeScript file in the embedded Deno.

| module       | does                                                                    |
|--------------|-------------------------------------------------------------------------|
| `binary`     | finds the Deno to run; unpacking: `extract`; a user's own: `override`      |
| `places`     | files of the package; directories that can be written                    |
| `policy`     | the one source of what a script may do: flags, import map, environment   |
| `imports`    | the per-run directory with the import map and the connection             |
| `process`    | the child process: signals, time limit, exit code                        |
| `diagnosis`  | why Deno could not load a script; type checks                            |
| `script`     | puts these together: `run_script`                                        |
| `guard.js`   | comes with the SDK into each script: words uncaught errors of Coral      |

May import `coral.config`, `coral.errors` and `coral.model`; never grpc, duckdb, pyarrow or click.
The modules on the way of a plain run also leave out `re`, `json`, `subprocess`, `pathlib` and
`dataclasses`, which together cost more than starting Python does (`docs/benchmarks.md`).
"""
