"""`coral new` and `coral examples`: their output, and that every template is a script that can be run."""

from __future__ import annotations

import json
import shlex
import subprocess
from pathlib import Path

import pytest

from coral.cli.examples import example_names
from coral.cli.new import template_names, template_text
from coral.runner.binary import find_deno
from tests.cli.test_commands import error
from tests.runner.program import DEADLINE_SECONDS, Program, Result

TEMPLATES = """\
services  Lists the services that the colony knows: a script to begin with.
check     Fails with exit code 99 if a service is too slow or fails too often: for a pipeline.
logs      Counts error logs by service and text, most frequent first.
monitor   Runs on and says when a service becomes slow, and when it is fine again (coral run --daemon).
report    Prints latency and errors of every service, slowest first (-o csv, -o json for a program).
sql       Asks in SQL: which operations take the most time (-o csv, -o json for a program).
traces    Shows the slowest traces of every service, and the slowest spans in them.
"""
EXAMPLES = """\
alert-high-latency       Alerts when a service's P99 is over 500 ms; looks every 60 seconds. Run it with --timeout 0.
analysis                 Warns about every service whose P99 is over a threshold (milliseconds; --param threshold=250).
anomaly-latency-memory   Alerts for every service that became slower while its hosts use more memory than before.
check-health-metrics     Alerts when payments are slow and fail as well; looks every 30 seconds. Run it with --timeout 0.
conditional-debugging    Says where to attach a probe to a function, but only when the service's error rate is over a threshold.
config-hash              Checks that all instances of a service run with the same configuration; exit code 99 if not.
correlate-errors-memory  Finds failed traces of the last five minutes while memory is short (over 80 %).
error-correlation        Shows what failed spans have in common: values of attributes that are more frequent among them.
error-logs               Which services log errors: how many, what most of them say, and the newest lines.
latency-check            Fails (exit code 1) if the P99 of any service is over a threshold, for use in a pipeline
latency-report           Prints P50, P99 and the error rate of every service, then which are worst (--param window=15m).
payments-by-provider     Counts successful and failed payments by payment provider (the attribute payment.provider).
skill-dependency-blame   Which dependency makes a service fail or slow.
skill-error-correlation  Which services fail together, and who calls whom among them.
skill-latency-report     Latency and errors of every service, the slowest first.
skill-memory-errors      Whether errors rise when memory does.
skill-noisy-neighbour    Which service keeps a host busy, and which others there get slow by it.
skill-regression         What got slower or fails more often than in the window before.
skill-slo-burn           How fast services use up the errors that their objective allows.
skill-slow-traces        Why the slowest traces of a service are slow: the operations on their critical paths.
sql-cache-misses         Finds traces whose SQL is slow and whose cache lookups missed, and says whether the two go together.
"""
EXAMPLE_NAMES = ", ".join(line.split()[0] for line in EXAMPLES.splitlines())


def test_the_list_of_templates(coral: Program) -> None:
    assert coral.run("new", "--list") == Result(0, TEMPLATES, "")


def test_a_new_script(coral: Program) -> None:
    assert coral.run("new", "slow", "--template", "traces") == Result(
        0, "wrote      slow.ts\n\nNext: coral run --watch slow.ts\n", ""
    )
    assert (coral.home / "slow.ts").read_text() == template_text("traces")
    assert coral.run("new", "slow.ts") == error(
        2, "slow.ts is there already", "choose another name, or replace it with --force"
    )
    assert (coral.home / "slow.ts").read_text() == template_text("traces")
    assert coral.run("new", "slow.ts", "--force").stdout.startswith("replaced   slow.ts\n")
    assert (coral.home / "slow.ts").read_text() == template_text("services")
    assert coral.run("new", "below/here").stdout.startswith("wrote      below/here.ts\n")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], error(2, "missing argument 'NAME'", "for example: coral new slow --template traces")),
        *[
            ([name], error(2, f"{name!r} names no file", "for example: coral new slow"))
            for name in ("below/", "", " ", ".", "..", ".ts", "below/.mjs")
        ],
        (
            ["a", "-t", "nope"],
            error(
                66,
                "there is no template 'nope'",
                "the templates are services, check, logs, monitor, report, sql, traces; see coral new --list",
            ),
        ),
        (
            ["a", "-t", "../new"],
            error(
                66,
                "there is no template '../new'",
                "the templates are services, check, logs, monitor, report, sql, traces; see coral new --list",
            ),
        ),
    ],
)
def test_what_new_refuses(coral: Program, arguments: list[str], expected: Result) -> None:
    assert coral.run("new", *arguments) == expected
    assert not (coral.home / "a.ts").exists()


def test_every_template_has_the_types_of_the_sdk_with_the_settings_of_init(
    coral: Program, cache: Path
) -> None:
    coral.run("init")
    for name in template_names():
        assert coral.run("new", name, "-t", name).code == 0
    checked = subprocess.run(
        [find_deno(), "check", *[f"{name}.ts" for name in template_names()]],
        cwd=coral.home,
        env={**coral.environment, "DENO_DIR": str(cache / "check"), "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )
    assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize("name", template_names())
def test_a_template_asks_the_colony(coral: Program, name: str) -> None:
    coral.run("new", "mine", "-t", name)
    ended = coral.run("run", "mine.ts")
    # Nothing answers at the address of these tests; it came as far as the question.
    assert (ended.code, ended.stdout) == (69, ""), ended


def test_the_list_of_examples(coral: Program) -> None:
    assert coral.run("examples", "list") == Result(0, EXAMPLES, "")
    listed = json.loads(coral.run("examples", "list", "--json").stdout)
    assert [entry["name"] for entry in listed] == example_names()
    assert coral.run("examples", "show", "nope") == error(
        66, "there is no example 'nope'", f"the examples are {EXAMPLE_NAMES}"
    )


def test_an_example_is_shown_and_copied(coral: Program) -> None:
    shown = coral.run("examples", "show", "analysis")
    assert shown == coral.run("examples", "show", "example:analysis")
    assert shown.stdout.startswith("// Warns about every service")
    assert coral.run("examples", "copy", "analysis") == Result(
        0, "wrote      analysis.ts\n\nNext: coral run --watch analysis.ts\n", ""
    )
    assert (coral.home / "analysis.ts").read_text() == shown.stdout
    (coral.home / "analysis.ts").write_text("mine")
    assert coral.run("examples", "copy", "analysis") == error(
        2, "analysis.ts is there already", "name another file, or replace it with --force"
    )
    assert (coral.home / "analysis.ts").read_text() == "mine"
    (coral.home / "folder").mkdir()
    assert coral.run("examples", "copy", "analysis", "folder").stdout.startswith(
        "wrote      folder/analysis.ts"
    )
    assert coral.run("examples", "copy", "analysis", "other.ts").stdout.startswith("wrote      other.ts")


def test_an_example_is_copied_into_a_folder_that_is_not_there_yet(coral: Program) -> None:
    assert coral.run("examples", "copy", "analysis", "below/").stdout.startswith(
        "wrote      below/analysis.ts\n"
    )
    assert coral.run("examples", "copy", "analysis", "mine").stdout.startswith("wrote      mine.ts\n")
    assert coral.run("examples", "copy", "analysis", "mine.mjs").stdout.startswith("wrote      mine.mjs\n")
    assert coral.run("examples", "copy", "analysis", "") == error(
        2, "'' names no file", "for example: coral examples copy analysis mine.ts"
    )


@pytest.mark.parametrize("name", ["sp ace", "a'b", "$(touch x)", "-x"])
def test_the_command_that_is_proposed_can_be_copied(coral: Program, name: str) -> None:
    told = coral.run("new", "--", name).stdout
    command = told.partition("Next: ")[2]
    assert shlex.split(command)[:3] == ["coral", "run", "--watch"]
    (path,) = shlex.split(command)[3:]
    assert not path.startswith("-")
    assert (coral.home / path).samefile(coral.home / f"{name}.ts")
    usage = coral.run("run", f"./{name}.ts", "--help-script").stdout.splitlines()[0]
    assert shlex.split(usage)[3] in (f"./{name}.ts", f"{name}.ts")
