"""`coral run` without click: reads its arguments and runs the script.

The grammar is the one of the click command in `cli/run.py`, only read faster: what is not understood
here is None, and click then does it or explains it. A test parses one table with both.
"""

from __future__ import annotations

from coral.config.address import configured_colony
from coral.runner.script import DEFAULT_TIME_LIMIT_SECONDS, require_script, run_script

_VALUES = {"--colony": "colony", "--timeout": "timeout", "-p": "param", "--param": "param"}


class RunArguments:
    """What was asked of `coral run`.

    Attributes:
        file: The script.
        colony: Value of `--colony`.
        timeout: Value of `--timeout`, as typed.
        params: Values of `-p`/`--param`, in order.
        check: Whether `--check` was given.
        arguments: What stands after `--`.
    """

    __slots__ = ("arguments", "check", "colony", "file", "params", "timeout")

    def __init__(
        self,
        file: str,
        *,
        colony: str | None = None,
        timeout: str | None = None,
        params: list[str] | None = None,
        check: bool = False,
        arguments: list[str] | None = None,
    ) -> None:
        self.file = file
        self.colony = colony
        self.timeout = timeout
        self.params = params or []
        self.check = check
        self.arguments = arguments or []


def split_arguments(argv: list[str]) -> tuple[list[str], list[str]]:
    """Splits at the first `--`: what is Coral's, and what is the script's."""
    if "--" not in argv:
        return argv, []
    place = argv.index("--")
    return argv[:place], argv[place + 1 :]


def parse_run(argv: list[str]) -> RunArguments | None:
    """Reads what stands after `coral run`; None if click must read it."""
    own, arguments = split_arguments(argv)
    files: list[str] = []
    values: dict[str, str | None] = {"colony": None, "timeout": None}
    params: list[str] = []
    check = False
    rest = iter(own)
    for word in rest:
        if word == "--check":
            check = True
            continue
        if word in _VALUES:
            value = next(rest, None)
            if value is None or value.startswith("-"):
                return None
            option = word
        elif word.startswith("--") and "=" in word:
            option, _, value = word.partition("=")
            if option not in _VALUES:
                return None
        elif word.startswith("-"):
            return None
        else:
            files.append(word)
            continue
        if _VALUES[option] == "param":
            params.append(value)
        else:
            values[_VALUES[option]] = value
    if len(files) != 1:
        return None
    return RunArguments(files[0], **values, params=params, check=check, arguments=arguments)


def run(arguments: RunArguments) -> int:
    """Runs the script.

    Returns:
        The exit code of `coral run`.

    Raises:
        CoralError: The arguments cannot be used, or the script did not run to its own end.
    """
    params: dict[str, object] = {}
    if arguments.params:
        from coral.runner.params import parse_params

        params = parse_params(arguments.params)
    time_limit = _seconds(arguments.timeout)
    require_script(arguments.file)  # before a colony is started for it
    colony = configured_colony(arguments.colony)
    if colony is None:
        from coral.embedded.resolve import local_colony

        colony = local_colony()
    return run_script(
        arguments.file,
        colony=colony,
        params=params,
        arguments=arguments.arguments,
        time_limit=time_limit,
        check=arguments.check,
    )


def _seconds(text: str | None) -> float | None:
    if text is None:
        return DEFAULT_TIME_LIMIT_SECONDS
    from coral.model.durations import parse_duration_ns

    return parse_duration_ns(text) / 1e9 or None
