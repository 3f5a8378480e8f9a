"""`coral run` is read twice: quickly, and by click. Both must understand the same."""

from __future__ import annotations

import click
import pytest

from coral.cli.direct_run import _FLAGS, VALUES, RunArguments, parse_run
from coral.cli.run import _REST, run, to_arguments
from coral.errors import UsageError

UNDERSTOOD = [
    ["a.ts"],
    ["a.ts", "--colony", "h:1"],
    ["--colony", "h:1", "a.ts"],
    ["--colony=h:1", "a.ts", "--timeout=5m"],
    ["a.ts", "--timeout", "30s", "--timeout", "40s"],
    ["a.ts", "-p", "a=1", "--param", "b=2", "--param=c=3"],
    ["a.ts", "--check", "--check"],
    ["a.ts", "--check", "--no-check"],
    ["-q", "a.ts", "--param-file", "p.json", "--memory=1g", "--color", "never", "--daemon", "--quiet"],
    ["-"],
    ["-", "--", "-"],
    ["example:latency-report"],
    ["a.ts", "--"],
    ["a.ts", "--", "x", "--colony", "h:1", "--", "y"],
    ["a.ts", "-p", "a=", "--", "-p"],
    ["a.ts", "--html", "r.html"],
    ["a.ts", "--html=r.html"],
    ["a.ts", "--colony="],
    ["dir with space/a.ts", "-p", "x=y z"],
    ["", "--check"],
    ["-e", "1"],
    ["--eval=-1", "-p", "a=1", "--", "x"],
    ["a.ts", "-o", "json"],
    ["a.ts", "--output=table"],
    ["-e", "1", "-o", "jsonl", "--output", "csv"],
]
LEFT_TO_CLICK = [
    [],
    ["-h"],
    ["a.ts", "--help"],
    ["a.ts", "b.ts"],
    ["a.ts", "--nope"],
    ["a.ts", "--nope=1"],
    ["a.ts", "-x"],
    ["a.ts", "--colony"],
    ["a.ts", "--timeout", "--check"],
    ["a.ts", "-p"],
    ["a.ts", "-pa=1"],
    ["a.ts", "--check=1"],
    ["a.ts", "-p", "-x=1"],
    ["--", "a.ts"],
    ["a.ts", "--par", "a=1"],
    ["-e", "1", "a.ts"],
    ["-e", "-1"],
    ["-e"],
    ["a.ts", "-w"],
    ["a.ts", "-o", "yaml"],
    ["a.ts", "-ojson"],
    ["a.ts", "-qv"],
    ["a.ts", "--color", "sometimes"],
    ["a.ts", "--inspect"],
]


def by_click(argv: list[str]) -> RunArguments:
    context = run.make_context("run", list(argv))
    return to_arguments(context.params, context.meta[_REST])


def fields(arguments: RunArguments) -> dict[str, object]:
    return {name: getattr(arguments, name) for name in RunArguments.__slots__}


@pytest.mark.parametrize("argv", UNDERSTOOD, ids=" ".join)
def test_both_ways_understand_the_same(argv: list[str]) -> None:
    quickly = parse_run(argv)
    assert quickly is not None
    assert fields(quickly) == fields(by_click(argv))


@pytest.mark.parametrize("argv", LEFT_TO_CLICK, ids=" ".join)
def test_what_is_unusual_is_left_to_click(argv: list[str]) -> None:
    assert parse_run(argv) is None


def test_click_knows_what_is_left_to_it() -> None:
    assert by_click(["a.ts", "-pa=1"]).params == ["a=1"]
    assert by_click(["a.ts", "-p", "-x=1", "--", "b"]).arguments == ["b"]
    with pytest.raises(click.UsageError):
        by_click(["a.ts", "b.ts"])
    assert by_click(["-e", "1", "-w", "-o", "csv"]).code == "1"
    assert by_click(["a.ts", "--inspect"]).inspect == "--inspect=127.0.0.1:9229"
    assert by_click(["a.ts", "--inspect-brk=localhost:1"]).inspect == "--inspect-brk=127.0.0.1:1"
    with pytest.raises(UsageError, match="could be used by other machines"):
        by_click(["a.ts", "--inspect=0.0.0.0:9229"])


def test_the_quick_way_knows_every_option_of_plain_runs() -> None:
    names = {
        name
        for option in run.params
        if isinstance(option, click.Option)
        for name in [*option.opts, *option.secondary_opts]
    }
    rare = {"-w", "--watch", "--dry-run", "--help-script"}
    rare |= {"--dataset", "--inspect", "--inspect-brk", "-v", "--verbose", "-h", "--help"}
    assert names - rare == set(VALUES) | set(_FLAGS)
