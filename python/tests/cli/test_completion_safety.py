"""What a script, a file or a colony says is completed, and never becomes a command of the shell.

There are two walls, and each is tested alone: the program offers harmless words only, and the shells' scripts
quote whatever a program offers.
"""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import pytest
from click.shell_completion import CompletionItem

from coral.cli.offered import harmless, offered
from tests.cli.typist import Typist, typist
from tests.runner.program import Program, until

HOSTILE = [
    "$(touch${IFS}PWNED)",
    "`touch PWNED`",
    "x;touch PWNED;",
    "x|touch PWNED",
    "x&touch PWNED&",
    "x>PWNED",
    "$'x';touch PWNED",
    "';touch PWNED;'",
    '";touch PWNED;"',
    "<(touch PWNED)",
    "(touch PWNED)",
    "{a,b}*?[!x]~",
    "\\",
]
TYPED = ["", "mode=", "'", '"', "'mode=", '"mode=', 'mode="', "mode='"]

FAKE = """#!/bin/sh
if [ "$1" = completion ]; then cat {script}; exit; fi
if [ -n "$_CORAL_COMPLETE" ]; then cat "$HOME/answer.$_CORAL_COMPLETE"; exit; fi
printf '%s' "$2"
"""

DUMP = {
    "bash": """bind -x '"\\C-t": printf %s "$READLINE_LINE" > part; mv part line'""",
    "zsh": "dump() { printf %s \"$BUFFER\" > part; mv part line }; zle -N dump; bindkey '^t' dump",
    "fish": "bind \\ct 'printf %s (commandline -b | string collect) > part; mv part line'",
}


def fake(shell: str, home: Path) -> None:
    """Puts a program in coral's place that offers what it is told to, and prints what it gets."""
    script = resources.files("coral.cli").joinpath("shells", f"coral.{shell}")
    (home / "bin" / "coral").write_text(FAKE.format(script=shlex.quote(str(script))))


def answer(home: Path, word: str) -> None:
    """Lets the fake program offer a word, in the form of each shell."""
    (home / "answer.bash_complete").write_text(f"plain,{word}\n")
    (home / "answer.zsh_complete").write_text(f"plain\n{word}\n_\n")
    (home / "answer.fish_complete").write_text(f"plain,{word}\n")


def completed(at: Typist, home: Path, typed: str) -> str:
    """Types, presses Tab, and returns the line that would be run."""
    at.type(f"{typed}\t\x14\x15")
    until((home / "line").exists)
    text = (home / "line").read_text()
    (home / "line").unlink()
    return text


@pytest.fixture(params=["bash", "zsh", "fish"])
def faked(
    request: pytest.FixtureRequest,
    coral: Program,
    shell_environment: dict[str, str],
) -> Iterator[tuple[str, Typist, dict[str, str]]]:
    """A shell whose coral is the fake one."""
    fake(request.param, coral.home)
    environment = {**shell_environment, "HOME": str(coral.home)}
    at = typist(request.param, environment, coral.home)
    at.type(f'{DUMP[request.param]}; echo bo""und\n')
    # At its prompt: before that the terminal itself would obey the keys that are typed.
    at.wait_for(r"(?s)bound\n.*[$>#] ")
    yield request.param, at, environment
    at.close()


def test_the_shells_quote_what_is_offered(faked: tuple[str, Typist, dict[str, str]], coral: Program) -> None:
    shell, at, environment = faked
    for typed in TYPED:
        for word in HOSTILE:
            answer(coral.home, f"mode={word}" if "mode" in typed else word)
            line = completed(at, coral.home, f"coral run {typed}")
            for rest in ("", "'", '"'):  # who knows how the user goes on
                ran = subprocess.run(
                    [shell, "-c", line + rest],
                    env=environment,
                    cwd=coral.home,
                    stdin=subprocess.DEVNULL,
                    capture_output=True,
                    text=True,
                    check=False,
                )
                assert not (coral.home / "PWNED").exists(), (typed, word, line, rest)
                if typed == "" and rest == "" and word != "\\":
                    assert ran.stdout == word, line


SCRIPT = """const params = {
  fine: { type: "string", choices: ["good", "New York", %(hostile)s], description: "\\x1b]0;t\\x07a\\nplain,b" },
  "t$(touch${IFS}PWNED)": { type: "number" },
  "a\\nplain,$(touch PWNED)": { type: "number" },
  "\\x1b]0;t\\x07": { type: "number" },
};
(globalThis as any)[Symbol.for("coral.run")].describe?.(params);
"""


def offers(coral: Program, shell: str, *words: str) -> str:
    """What the program answers a shell at the end of a line."""
    line = {"COMP_WORDS": shlex.join(["coral", *words[:-1]]) + " " + words[-1], "COMP_CWORD": str(len(words))}
    if shell == "fish":
        line["COMP_CWORD"] = words[-1]
    ended = coral.run(_CORAL_COMPLETE=f"{shell}_complete", **line)
    assert (ended.code, ended.stderr) == (0, "")
    return ended.stdout


def test_a_script_is_offered_as_far_as_it_is_harmless(coral: Program) -> None:
    (coral.home / "s.ts").write_text(SCRIPT % {"hostile": ", ".join(json.dumps(word) for word in HOSTILE)})
    assert offers(coral, "bash", "run", "s.ts", "-p", "") == "plain,fine=\n"
    assert offers(coral, "bash", "run", "s.ts", "-p", "fine=") == "plain,fine=good\nplain,fine=New York\n"
    about = "\\x1b]0;t\\x07a\\nplain,b"
    assert offers(coral, "zsh", "run", "s.ts", "-p", "") == f"plain\nfine=\n{about}\n"
    assert offers(coral, "fish", "run", "s.ts", "-p", "") == f"plain,fine=\t{about}\n"


def test_contexts_and_tokens_are_offered_as_far_as_they_are_harmless(coral: Program) -> None:
    (coral.home / "config" / "coral").mkdir(parents=True)
    names = ["prod", "eu west", *HOSTILE]
    contexts = {name: {"colony": "127.0.0.1:9"} for name in names}
    (coral.home / "config" / "coral" / "config.yaml").write_text(json.dumps({"contexts": contexts}))
    assert offers(coral, "bash", "config", "use", "") == "plain,prod\nplain,eu west\n"
    made = coral.run("token", "create", "ci$(touch PWNED)", "--role", "viewer", "--token-file", "tokens.yaml")
    assert made.code == 2  # such a token cannot be made either


@pytest.mark.parametrize(
    "word", [*HOSTILE, "", " a", "a ", "a\nb", "\x1b[8m", "\u202e", "a\u200bb", "x" * 500]
)
def test_what_is_not_offered(word: str) -> None:
    assert not harmless(word)
    assert offered([CompletionItem(word)]) == []


@pytest.mark.parametrize(
    "word", ["threshold=", "level=New York", "a:b=c/d@1,2", "--timeout", "Größe=10%", "5.5"]
)
def test_what_is_offered(word: str) -> None:
    assert [item.value for item in offered([CompletionItem(word)])] == [word]
