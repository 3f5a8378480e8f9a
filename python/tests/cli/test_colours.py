"""One rule for colours, of scripts and of Coral's own lines: --color, NO_COLOR, TERM=dumb, a terminal."""

from __future__ import annotations

import pytest

from tests.runner.at_terminal import at_terminal
from tests.runner.program import Program

_FAILS = "import './none.ts';"
_SPEAKS = "console.log([1]); console.log('%cred', 'color: red');"
_RED = "\x1b["


@pytest.mark.parametrize(
    ("words", "variables", "coloured"),
    [
        ((), {}, True),
        ((), {"NO_COLOR": "1"}, False),
        ((), {"NO_COLOR": ""}, True),
        ((), {"TERM": "dumb"}, False),
        (("--color", "auto"), {"TERM": "dumb"}, False),
        (("--color=never",), {}, False),
        (("--color", "always"), {"NO_COLOR": "1", "TERM": "dumb"}, True),
        ((), {"CORAL_RUN_COLOR": "never"}, False),
        ((), {"CORAL_RUN_COLOR": "always", "NO_COLOR": "1"}, True),
        (("--color", "never"), {"CORAL_RUN_COLOR": "always"}, False),
    ],
)
def test_at_a_terminal(
    coral: Program, words: tuple[str, ...], variables: dict[str, str], coloured: bool
) -> None:
    variables = {"TERM": "xterm", **variables}
    # What the script prints, what is said of a script, and of a command line that click has to explain.
    for arguments in (
        ("run", "--no-check", coral.script(_SPEAKS), *words),
        ("run", "--no-check", coral.script(_FAILS), *words),
        ("run", *words, "--nope"),
    ):
        _, shown, _ = at_terminal(coral, *arguments, **variables)
        assert (_RED in shown) == coloured, (arguments, shown)
        assert "error:" in shown or "red" in shown


def test_the_flag_counts_without_a_terminal(coral: Program) -> None:
    path = coral.script(_FAILS)
    assert _RED not in coral.run("run", path).stderr
    assert "\x1b[1;31merror:\x1b[0m script.ts imports" in coral.run("run", path, "--color", "always").stderr
    assert "\x1b[1;31merror:\x1b[0m" in coral.run("run", "--color=always", "--nope").stderr
    assert _RED not in coral.run("run", "--color", "always", path, "--color=never").stderr
    assert _RED not in coral.run("run", path, "--nope", "--", "--color=always").stderr


def test_other_commands_keep_to_it(coral: Program) -> None:
    _, shown, _ = at_terminal(coral, "nope", TERM="xterm")
    assert "\x1b[1;31merror:\x1b[0m there is no command" in shown
    _, shown, _ = at_terminal(coral, "nope", TERM="dumb")
    assert shown.startswith("error: there is no command")
