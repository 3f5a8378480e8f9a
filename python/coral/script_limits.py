"""Limits of a script that runs: each with its unit and its reason; the error that it causes names it."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

MAX_SCRIPT_BYTES: Final = 4 * 1024 * 1024
"""Size of a script, whether it is a file, comes by stdin or stands on the command line."""

MAX_PARAM_FILE_BYTES: Final = 1024 * 1024
"""Size of a `--param-file`: it travels as a module of the run."""

MAX_PARAM_NESTING: Final = 100
"""Levels of lists and objects in a parameter or its default: each takes calls of Python, of which there are
1000 at most."""

SCRIPT_MEMORY_BYTES: Final = 512 * 1024 * 1024
"""Memory of a script (R81); `--memory` and `CORAL_MEMORY` change it."""

MIN_SCRIPT_MEMORY_BYTES: Final = 128 * 1024 * 1024
"""The least that may be asked for: Deno and the SDK take some 80 MB."""

SCRIPT_OUTPUT_BYTES: Final = 32 * 1024 * 1024
"""What a script may print, and write to sockets, together; `CORAL_OUTPUT` changes it. Nobody reads more, and
a disk or a terminal's history would be full of it."""

SCRIPT_TERMINAL_BYTES: Final = 8 * 1024 * 1024
"""The same where it goes to a terminal: 100,000 lines, more than any history holds."""

REPORT_BYTES: Final = 8 * 1024 * 1024
"""What a page made by `coral run --html` keeps of the script's text and charts: browsers open it at once.
What is more is left out, and the page says so."""

SCRIPT_FILE_BYTES: Final = 16 * 1024 * 1024
"""Size of a file that a script's process may write (RLIMIT_FSIZE): Deno's caches are below 1 MB. Where its
output goes to a file, that may grow by SCRIPT_OUTPUT_BYTES."""

SCRIPT_TASKS: Final = 64
"""Threads of a script's process, one for each processor added: Deno itself takes about 10, a worker 1."""

SCRIPT_OPEN_FILES: Final = 256
"""Open files and sockets of a script's process; Deno itself takes about 30."""

SCRIPT_CPU_PERCENT: Final = 200
"""Processor time of a script, in percent of one: the rest of the machine stays usable. Less would delay
Deno's start, which uses two."""

SCRIPT_DATA_BYTES: Final = 4 * 1024**3
"""Added to the memory limit for RLIMIT_DATA, where no control group is to be had: V8 reserves about 1 GiB,
and some hundred MiB for each worker, without using them. The watchdog holds the limit itself."""

QUESTION_MEMORY_BYTES: Final = 1024**3
"""Memory of Deno while it reads a script's imports or checks its types, which takes some 200 MB."""

SCRIPT_FOLDER_ENTRIES: Final = 10_000
"""Entries of a script's folder that are looked at before a run, in 30 ms; folders further down, of which
there are more, are left out whole."""

SCRIPT_DENIED_ENTRIES: Final = 500
"""Hidden entries and links of a script's folder that are denied one by one."""

SCRIPT_SECONDS: Final = 60.0
"""Time limit of `coral run` (R80)."""

SCRIPT_TOKEN_SECONDS: Final = 24 * 3600.0
"""How long the token of a script holds at most."""

TOKEN_CLOCK_SECONDS: Final = 600.0
"""How far the clocks of a colony and of those who run scripts may be apart."""

CHECK_SECONDS: Final = 120.0
"""Time that a check of types may take; the script's own time limit holds as well."""

GRAPH_SECONDS: Final = 10.0
"""Time that reading a script's imports may take, which is done after a failure, for --dry-run and --watch."""

STOP_SECONDS: Final = 5.0
"""How long a script may clean up after SIGTERM, SIGHUP or SIGQUIT, before SIGKILL."""

DAEMON_SECONDS: Final = 24 * 3600.0
"""Time limit of `coral run --daemon` (R80)."""

DESCRIBE_SECONDS: Final = 10.0
"""Time that a script has to declare its parameters when it is asked for them."""

COMPLETE_SECONDS: Final = 2.0
"""The same where a shell waits with its prompt."""

MAX_CLOCK_JUMPS: Final = 1_000_000
"""Jumps of a virtual clock in one run of `coral test` or `coral backtest`: a week has 604,800 seconds."""

VIRTUAL_SECONDS: Final = 24 * 3600.0
"""Virtual time that a script has under `coral test`, if it does not end before."""

BACKTEST_SECONDS: Final = 600.0
"""Real time that `coral backtest` may take."""
