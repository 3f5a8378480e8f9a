"""`coral run` without click: reads its arguments and runs the script.

The grammar is the one of the click command in `cli/run.py`, only read faster: what is not understood
here is None, and click then does it or explains it. A test parses one table with both.
"""

from __future__ import annotations

import os

from coral.colours import CHOICES, choose
from coral.config.address import configured_colony
from coral.runner.process import refuse_scripts
from coral.runner.script import Job, run_script
from coral.runner.source import find_source
from coral.script_limits import (
    DAEMON_SECONDS,
    SCRIPT_MEMORY_BYTES,
    SCRIPT_OUTPUT_BYTES,
    SCRIPT_SECONDS,
    SCRIPT_TERMINAL_BYTES,
)

VALUES = {
    "--colony": "colony",
    "--tls-ca": "tls_ca",
    "--token-file": "token_file",
    "--timeout": "timeout",
    "-p": "params",
    "--param": "params",
    "--param-file": "param_file",
    "--memory": "memory",
    "--color": "color",
    "--html": "html",
    "-e": "code",
    "--eval": "code",
    "-o": "output",
    "--output": "output",
}
_FLAGS = {
    "--check": ("check", True),
    "--no-check": ("check", False),
    "-q": ("quiet", True),
    "--quiet": ("quiet", True),
    "--daemon": ("daemon", True),
}
TYPE_CHECKING = False
if TYPE_CHECKING:
    from coral.config.access import Colony
    from coral.runner.head_start import HeadStart

_TWINS = "CORAL_RUN_"
OUTPUTS = ("json", "jsonl", "csv", "table")


class RunArguments:
    """What was asked of `coral run`.

    Attributes:
        file: The script: a path, `-` or `example:NAME`; None with `-e`.
        code: Value of `-e`.
        colony: Value of `--colony`.
        dataset: Value of `--dataset`.
        tls_ca: Value of `--tls-ca`.
        token_file: Value of `--token-file`.
        timeout: Value of `--timeout`, as typed.
        memory: Value of `--memory`, as typed.
        params: Values of `-p`/`--param`, in order.
        param_file: Value of `--param-file`.
        check: Whether to check types; None where nothing was said.
        quiet: Whether `-q` was given.
        verbose: Whether `-v` was given.
        color: `always`, `never` or `auto`.
        daemon: Whether `--daemon` was given.
        output: Value of `-o`.
        watch: Whether `--watch` was given.
        dry_run: Whether `--dry-run` was given.
        help_script: Whether `--help-script` was given.
        html: Value of `--html`.
        inspect: Deno's flag for a debugger, or None.
        arguments: What stands after `--`.
    """

    __slots__ = (
        "arguments",
        "check",
        "code",
        "colony",
        "color",
        "daemon",
        "dataset",
        "dry_run",
        "file",
        "help_script",
        "html",
        "inspect",
        "memory",
        "output",
        "param_file",
        "params",
        "quiet",
        "timeout",
        "tls_ca",
        "token_file",
        "verbose",
        "watch",
    )

    def __init__(
        self,
        file: str | None,
        *,
        code: str | None = None,
        colony: str | None = None,
        dataset: str | None = None,
        tls_ca: str | None = None,
        token_file: str | None = None,
        timeout: str | None = None,
        memory: str | None = None,
        params: list[str] | None = None,
        param_file: str | None = None,
        check: bool | None = None,
        quiet: bool = False,
        verbose: bool = False,
        color: str = "auto",
        daemon: bool = False,
        output: str | None = None,
        watch: bool = False,
        dry_run: bool = False,
        help_script: bool = False,
        html: str | None = None,
        inspect: str | None = None,
        arguments: list[str] | None = None,
    ) -> None:
        self.file = file
        self.code = code
        self.colony = colony
        self.dataset = dataset
        self.tls_ca = tls_ca
        self.token_file = token_file
        self.timeout = timeout
        self.memory = memory
        self.params = params or []
        self.param_file = param_file
        self.check = check
        self.quiet = quiet
        self.verbose = verbose
        self.color = color
        self.daemon = daemon
        self.output = output
        self.watch = watch
        self.dry_run = dry_run
        self.help_script = help_script
        self.html = html
        self.inspect = inspect
        self.arguments = arguments or []


def split_arguments(argv: list[str]) -> tuple[list[str], list[str]]:
    """Splits at the first `--`: what is Coral's, and what is the script's."""
    if "--" not in argv:
        return argv, []
    place = argv.index("--")
    return argv[:place], argv[place + 1 :]


def parse_run(argv: list[str]) -> RunArguments | None:
    """Reads what stands after `coral run`; None if click must read it, which knows the environment, too."""
    if any(name.startswith(_TWINS) for name in os.environ):
        return None
    own, rest = split_arguments(argv)
    files: list[str] = []
    found = RunArguments(None, arguments=rest)
    words = iter(own)
    for word in words:
        if word in _FLAGS:
            name, flag = _FLAGS[word]
            setattr(found, name, flag)
            continue
        if word in VALUES:
            option = word
            value = next(words, None)
            if value is None or value.startswith("-"):
                return None
        elif word.startswith("--") and "=" in word:
            option, _, value = word.partition("=")
            if option not in VALUES:
                return None
        elif word.startswith("-") and word != "-":
            return None
        else:
            files.append(word)
            continue
        if VALUES[option] == "params":
            found.params.append(value)
        else:
            setattr(found, VALUES[option], value)
    if len(files) + (found.code is not None) != 1 or found.color not in CHOICES:
        return None
    if found.output is not None and found.output not in OUTPUTS:
        return None
    found.file = files[0] if files else None
    return found


def run(arguments: RunArguments, head_start: HeadStart | None = None) -> int:
    """Runs the script, or does with it what the options ask for.

    Args:
        arguments: What was asked for.
        head_start: What was started before that was known, or None.

    Returns:
        The exit code of `coral run`.

    Raises:
        CoralError: The arguments cannot be used, or the script did not run to its own end.
    """
    choose(CHOICES[arguments.color])
    if (
        arguments.watch
        or arguments.dry_run
        or arguments.help_script
        or arguments.verbose
        or arguments.dataset is not None
    ):
        import gc

        from coral.cli.run_modes import run_in_mode

        gc.enable()  # `--watch` goes on for hours
        if head_start is not None:
            head_start.give_up()
        return run_in_mode(arguments)
    try:
        job = make_job(arguments)
        job.head_start = head_start
        return run_script(job)
    except BaseException:
        if head_start is not None:
            head_start.give_up()
        raise


def make_job(arguments: RunArguments, *, connect: bool = True) -> Job:
    """Makes a job of the arguments; finds the colony last, because one may be started for it.

    Args:
        arguments: What was asked for.
        connect: Whether the script gets a colony.

    Raises:
        CoralError: The arguments cannot be used.
    """
    _fill_from_files(arguments)
    params: dict[str, object] = {}
    texts: dict[str, str] = {}
    if arguments.param_file is not None:
        from coral.runner.param_file import read_param_file

        params = read_param_file(arguments.param_file)
    if arguments.params:
        from coral.runner.params import parse_params, split_params

        params |= parse_params(arguments.params)
        texts = split_params(arguments.params)
    time_limit = _time_limit(arguments)
    memory = SCRIPT_MEMORY_BYTES
    if arguments.memory is not None or "CORAL_MEMORY" in os.environ:
        from coral.runner.memory import memory_limit

        memory = memory_limit(arguments.memory)
    output = SCRIPT_TERMINAL_BYTES if os.isatty(1) and not arguments.html else SCRIPT_OUTPUT_BYTES
    if "CORAL_OUTPUT" in os.environ:
        from coral.runner.memory import output_limit

        output = output_limit()
    job = Job(
        find_source(arguments.file, arguments.code),
        colony=None,
        params=params,
        texts=texts,
        arguments=arguments.arguments,
        time_limit=time_limit,
        memory_limit=memory,
        output_limit=output,
        check=os.isatty(1) if arguments.check is None else arguments.check,
        output=arguments.output,
        html=arguments.html,
        inspect=arguments.inspect,
        quiet=arguments.quiet,
        verbose=arguments.verbose,
    )
    refuse_scripts()  # before a colony is started for one
    if connect:
        found = find_colony(arguments)
        if found is None:
            from coral.embedded.resolve import local_colony

            job.colony = local_colony(quiet=arguments.quiet)
        else:
            job.colony, job.access = found.address, found.access
    return job


def _fill_from_files(arguments: RunArguments) -> None:
    """Takes what nobody said from the project's file, then from the user's."""
    from coral.config.effective import project_file, user_file

    for file in (project_file(), user_file()):
        if file is not None:
            if arguments.check is None:
                arguments.check = file.values.get("check")
            if arguments.timeout is None and not arguments.daemon and arguments.inspect is None:
                arguments.timeout = file.values.get("timeout")
            if arguments.memory is None and "CORAL_MEMORY" not in os.environ and "memory" in file.values:
                arguments.memory = str(file.values["memory"])


def find_colony(arguments: RunArguments) -> Colony | None:
    """Returns the colony that is configured; None where none is, and the local one is meant."""
    return configured_colony(
        arguments.colony,
        tls_ca=arguments.tls_ca,
        token_file=arguments.token_file,
        quiet=arguments.quiet,
    )


def _time_limit(arguments: RunArguments) -> float | None:
    if arguments.timeout is not None:
        from coral.model.durations import parse_duration_ns

        return parse_duration_ns(arguments.timeout) / 1e9 or None
    if arguments.daemon:
        return DAEMON_SECONDS
    return None if arguments.inspect is not None else SCRIPT_SECONDS
