"""The arguments of `coral run`, read without click.

This knows the same grammar as the click command in `cli/run.py` and is only faster: what it does not
understand is None, and click then does it or explains it. A test parses one table with both.
"""

from __future__ import annotations

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
