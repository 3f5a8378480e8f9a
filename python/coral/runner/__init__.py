"""Runs a TypeScript file in the embedded Deno.

| module       | does                                                                    |
|--------------|-------------------------------------------------------------------------|
| `binary`     | finds the Deno to run; unpacking: `extract`; a user's own: `override`      |
| `places`     | files of the package; directories that can be written                    |
| `policy`     | the one source of what a script may do: flags, import map, environment   |
| `source`     | where the script comes from: a file, stdin, the command line, an example |
| `imports`    | the per-run directory with the import map and the connection             |
| `process`    | the child process: signals, time limit, exit code                        |
| `script`     | puts these together: `Job`, `Prepared`, `run_script`                     |
| `screen`     | at a terminal: puts the filter of `terminal` between it and the script   |
| `relay`      | the process between a script and its output, for `screen` and `report`   |
| `report`     | makes the page of `--html`; `record` takes its data out of the output    |
| `params`     | `-p`; a file of parameters: `param_file`; the memory limit: `memory`     |
| `diagnosis`  | why Deno could not load a script; its types: `type_check`                |
| `graph`      | the files that a script is made of; what would run: `dry_run`            |
| `describe`   | the parameters that a script declares; runs it by `capture`              |
| `ending`     | what an end means that was not the script's own; `audit` writes it down  |
| `watch`      | runs a script again when a file changes                                  |
| `guard.js`   | runs before each script: words uncaught errors, keeps failed checks      |
| `output.js`  | the same with `-o`: prints results; `describe.js`: with `--help-script`  |
| `report.js`  | the same with `--html`: hands over what is drawn                         |

May import `coral.config`, `coral.errors` and `coral.model`; never grpc, duckdb, pyarrow or click.
The modules on the way of a plain run also leave out `re`, `json`, `subprocess`, `pathlib` and
`dataclasses`, which together cost more than starting Python does (`docs/benchmarks.md`).
"""
