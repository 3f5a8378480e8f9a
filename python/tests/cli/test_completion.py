"""Completion in real shells, as far as they are installed: what is typed, and what stands there after Tab."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from collections.abc import Iterator

import pytest

from tests.cli.test_commands import error
from tests.cli.typist import Typist, typist
from tests.runner.program import DEADLINE_SECONDS, Program


@pytest.fixture(params=["bash", "zsh"])
def at(request: pytest.FixtureRequest, shell_environment: dict[str, str], coral: Program) -> Iterator[Typist]:
    opened = typist(request.param, shell_environment, coral.home)
    yield opened
    opened.close()


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("coral exam", "coral examples "),
        ("coral run --time", "coral run --timeout "),
        ("coral run slo", r"coral run slow\.ts "),
        ("coral run example:analy", "coral run example:analysis "),
        ("coral run slow.ts -p thr", r"coral run slow\.ts -p threshold="),
        ("coral run slow.ts -p level=w", r"coral run slow\.ts -p level=warn "),
        ("coral run slow.ts -p level='w", r"coral run slow\.ts -p level='?warn[' ]"),
        ("coral run slow.ts -p level=v", r"coral run slow\.ts -p level=very\\ loud "),
        ("coral run slow.ts -p level=very\\ l", r"coral run slow\.ts -p level=very\\ loud "),
        ('coral run slow.ts -p level="ve', r'coral run slow\.ts -p level="?very\\? loud[" ]'),
        ("coral run slow.ts -p at=a:", r"coral run slow\.ts -p at=a:b=c/d@1,2 "),
        ("coral run two", r"coral run two\\ words\.ts "),
        ("coral run od", r"coral run odd\\\$\\\(touch\\ PWNED\\\)\.ts "),
        ("coral new mine -t tra", "coral new mine -t traces "),
        ("coral run --color=n", "coral run --color=never "),
        ("coral run slow.ts --param=thr", r"coral run slow\.ts --param=threshold="),
        ("coral run slow.ts --param=level=w", r"coral run slow\.ts --param=level=warn "),
        ("coral run --param-file giv", r"coral run --param-file given\.json "),
        ("coral run --param-file=giv", r"coral run --param-file=given\.json "),
        ("coral run --html giv", r"coral run --html given\.json "),
        ("coral logs --token-file giv", r"coral logs --token-file given\.json "),
        ("coral logs --tls-ca giv", r"coral logs --tls-ca given\.json "),
        ("coral logs --tls-ca sys", r"coral logs --tls-ca system "),
        ("coral colony start --tls-cert=giv", r"coral colony start --tls-cert=given\.json "),
        ("coral config add-context a b:1 --token-file giv", "--token-file given\\.json "),
        ("coral run ~/plain -p thr", "coral run ~/plain -p threshold="),
        ("coral run $HOME/plain -p level=w", r"coral run \$HOME/plain -p level=warn "),
        ("coral run --timeout 5s plain -p level=w", "coral run --timeout 5s plain -p level=warn "),
    ],
)
def test_what_tab_makes_of_it(at: Typist, typed: str, expected: str) -> None:
    at.type(f"{typed}\t")
    at.wait_for(expected)


def test_fish(shell_environment: dict[str, str], coral: Program) -> None:
    if shutil.which("fish") is None:
        pytest.skip("fish is not installed")

    def complete(line: str) -> list[str]:
        program = f"coral completion fish | source; complete -C {shlex.quote(line)}"
        ended = subprocess.run(
            ["fish", "--no-config", "-c", program],
            env=shell_environment,
            cwd=coral.home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=DEADLINE_SECONDS,
            check=True,
        )
        return [each.split("\t")[0] for each in ended.stdout.splitlines()]

    assert complete("coral exam") == ["examples"]
    assert complete("coral run slo") == ["slow.ts"]
    assert complete("coral run example:analy") == ["example:analysis"]
    assert sorted(complete("coral run slow.ts -p ")) == ["at=", "level=", "threshold="]
    levels = ["level=error", "level=very loud", "level=warn"]
    assert sorted(complete("coral run slow.ts -p level=")) == levels
    assert complete("coral run --color=n") == ["--color=never"]
    assert sorted(complete("coral run slow.ts --param=level=")) == [f"--param={level}" for level in levels]
    for option in ("--param-file", "--html", "--token-file", "--tls-ca"):
        assert complete(f"coral run {option} giv") == ["given.json"]
        assert complete(f"coral run {option}=giv") == [f"{option}=given.json"]
    assert complete("coral run --tls-ca sys") == ["system"]
    assert complete("coral run ~/plain -p thr") == ["threshold="]


def test_a_configuration_that_cannot_be_used_says_nothing_to_the_shell(
    coral: Program, shell_environment: dict[str, str]
) -> None:
    (coral.home / "config" / "coral").mkdir(parents=True)
    (coral.home / "config" / "coral" / "config.yaml").write_text("nope: 1\n")
    variables = {"_CORAL_COMPLETE": "bash_complete", "COMP_WORDS": "coral config use", "COMP_CWORD": "3"}
    ended = coral.run(**variables)
    assert (ended.code, ended.stdout, ended.stderr) == (0, "", "")


def test_a_shell_that_is_not_known(coral: Program) -> None:
    assert coral.run("completion", "tcsh") == error(
        2,
        "invalid value for '{bash|zsh|fish}': 'tcsh' is not one of 'bash', 'zsh', 'fish'",
        "coral completion --help shows how it is used",
    )
