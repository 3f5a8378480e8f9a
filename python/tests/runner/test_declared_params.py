"""`coral.defineParams`: checked before the script's own code, listed, completed."""

from __future__ import annotations

import json

import pytest

from tests.runner.at_terminal import at_terminal
from tests.runner.program import Program, Result

DECLARED = """/**
 * Fails if a service is slow.
 *
 * @module
 */
import * as coral from "@coral/sdk";

export const params = coral.defineParams({
  threshold: { type: "number", default: 500, min: 0, max: 1e6, description: "P99 in ms that is too slow" },
  service: { type: "string", description: "which service" },
  level: { type: "string", choices: ["warn", "error"], default: "error" },
  window: { type: "duration", default: "5m" },
  retries: { type: "integer", optional: true },
  deep: { type: "boolean", default: false },
  more: { type: "json", default: { a: [1] } },
});
console.log(JSON.stringify(params));
"""
NAMES = (
    "threshold (number), service (string, required), level (string), window (duration), "
    "retries (integer), deep (boolean), more (json)"
)


def run(coral: Program, *pairs: str) -> Result:
    return coral.run("run", coral.script(DECLARED), *[word for pair in pairs for word in ("-p", pair)])


def test_defaults(coral: Program) -> None:
    ended = run(coral, "service=payments")
    assert (ended.code, ended.stderr) == (0, "")
    assert json.loads(ended.stdout) == {
        "threshold": 500,
        "service": "payments",
        "level": "error",
        "window": 300_000,
        "deep": False,
        "more": {"a": [1]},
    }


def test_values_have_the_declared_type(coral: Program) -> None:
    given = [
        "service=007",
        "threshold=1e3",
        "level=warn",
        "window=1h30m",
        "retries=3",
        "deep=true",
        "more=[]",
    ]
    ended = run(coral, *given)
    assert (ended.code, ended.stderr) == (0, "")
    assert json.loads(ended.stdout) == {
        "threshold": 1000,
        "service": "007",
        "level": "warn",
        "window": 5_400_000,
        "retries": 3,
        "deep": True,
        "more": [],
    }
    for text in ("null", "true", "1.50", "[1]"):
        assert json.loads(run(coral, f"service={text}").stdout)["service"] == text


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ([], "service is missing, expected string"),
        (["service=a", "nope=1"], "there is no parameter nope"),
        (["service=a", "threshold=much"], "threshold is much, expected number from 0 to 1000000"),
        (["service=a", "threshold=-1"], "threshold is -1, expected number from 0 to 1000000"),
        (["service=a", "level=info"], "level is info, expected one of warn, error"),
        (["service=a", "window=soon"], 'window is soon, expected duration such as "5m"'),
        (["service=a", "retries=1.5"], "retries is 1.5, expected whole number"),
        (["service=a", "deep=yes"], "deep is yes, expected boolean"),
        (["service=a", "toString=1"], "there is no parameter toString"),
        (
            ["x=1", "deep=2", "threshold=no"],
            (
                "there is no parameter x; threshold is no, expected number from 0 to 1000000; "
                "service is missing, expected string; deep is 2, expected boolean"
            ),
        ),
    ],
)
def test_what_does_not_fit_ends_the_run(coral: Program, pairs: list[str], message: str) -> None:
    ended = run(coral, *pairs)
    assert ended == Result(
        2,
        "",
        f"error: {message}\nhint: the parameters are {NAMES}; --help-script says more about them\n",
    )


def test_a_files_values_are_taken_as_they_are(coral: Program) -> None:
    (coral.home / "p.json").write_text('{"service": 7}')
    ended = coral.run("run", coral.script(DECLARED), "--param-file", "p.json")
    assert ended.code == 2
    assert ended.stderr.startswith("error: service is 7, expected string\n")


def test_the_types_are_inferred(coral: Program) -> None:
    good = DECLARED + (
        "const a: number = params.threshold; const b: string = params.service;\n"
        'const c: "warn" | "error" = params.level; const d: number = params.window;\n'
        "const e: number | undefined = params.retries; const f: boolean = params.deep;\n"
        "console.log(a, b, c, d, e, f);\n"
    )
    assert coral.run("run", "--check", coral.script(good), "-p", "service=a").code == 0
    bad = DECLARED + "const a: string = params.threshold;\nconst b: number = params.retries;\nparams.nope;\n"
    ended = coral.run("run", "--check", coral.script(bad), "-p", "service=a")
    assert ended.code == 79
    assert all(place in ended.stderr for place in ("script.ts:18:7", "script.ts:19:7", "script.ts:20:8"))


def test_help_of_a_script(coral: Program) -> None:
    path = coral.script("console.log('not shown');\n" + DECLARED)
    assert coral.run("run", path, "--help-script").stdout.splitlines()[2:3] == ["Parameters:"]
    path = coral.script(DECLARED)
    assert coral.run("run", path, "--help-script") == Result(
        0,
        f"""Usage: coral run {path} -p service=STRING [-p NAME=VALUE ...]

  Fails if a service is slow.

Parameters:
  threshold  number from 0 to 1000000  P99 in ms that is too slow [default: 500]
  service    string                    which service [required]
  level      warn|error                [default: error]
  window     duration                  [default: 5m]
  retries    integer                   [optional]
  deep       boolean                   [default: false]
  more       json                      [default: {{"a":[1]}}]
""",
        "",
    )


def test_help_of_a_script_as_json(coral: Program) -> None:
    ended = coral.run("run", coral.script(DECLARED), "--help-script", "-o", "json")
    assert (ended.code, ended.stderr) == (0, "")
    params = json.loads(ended.stdout)
    assert [param["name"] for param in params][:2] == ["threshold", "service"]
    assert params[0] == {
        "name": "threshold",
        "type": "number",
        "description": "P99 in ms that is too slow",
        "default": 500,
        "required": False,
        "choices": [],
        "min": 0,
        "max": 1000000,
    }


def test_help_of_a_script_without_parameters(coral: Program) -> None:
    ended = coral.run("run", coral.script("// Says hello.\nconsole.log('hello');"), "--help-script")
    assert (ended.code, ended.stderr) == (0, "")
    assert ended.stdout.endswith(
        "\n\n  Says hello.\n\nThe script declares no parameters (coral.defineParams).\n"
    )


def test_help_of_a_script_that_cannot_be_loaded(coral: Program) -> None:
    ended = coral.run("run", coral.script("const = 1;"), "--help-script")
    assert (ended.code, ended.stdout) == (65, "")
    assert "1 | const = 1;" in ended.stderr
    assert ended.stderr.endswith(
        "script.ts:1:7\nerror: script.ts could not be loaded\n"
        "hint: correct the place that is shown above and run it again\n"
    )


@pytest.mark.parametrize(
    ("before", "code", "shown"),
    [
        ("console.log('quiet');\nthrow new Error('no luck');", 1, ("Error: no luck", "script.ts:2:7")),
        ("Deno.exit(3);", 3, ()),
        (
            'import { services } from "@coral/sdk";\nawait services.list();',
            1,
            ("no connection", "script.ts:2:"),
        ),
        ("Deno.readTextFileSync('/etc/passwd');", 77, ("/etc/passwd",)),
    ],
)
def test_help_of_a_script_that_ends_before(
    coral: Program, before: str, code: int, shown: tuple[str, ...]
) -> None:
    ended = coral.run("run", coral.script(f"{before}\n{DECLARED}"), "--help-script")
    assert (ended.code, ended.stdout) == (code, "")
    assert all(text in ended.stderr for text in shown)
    assert "quiet" not in ended.stderr
    assert ended.stderr.endswith(
        f"error: script.ts ended with {code} before it declared parameters\n"
        "hint: coral.defineParams comes first: a script that is asked for its parameters has no colony\n"
    )


@pytest.mark.parametrize(
    "text",
    [
        "throw new Error('no luck');",
        "Deno.exit(3);",
        "Deno.exit(0);",
        'import { services } from "@coral/sdk";\nawait services.list();',
    ],
)
def test_help_of_a_script_that_would_declare_none(coral: Program, text: str) -> None:
    ended = coral.run("run", coral.script(text), "--help-script")
    assert (ended.code, ended.stderr) == (0, "")
    assert ended.stdout.endswith("\nThe script declares no parameters (coral.defineParams).\n")


def test_help_of_a_script_whose_declaration_is_imported(coral: Program) -> None:
    coral.script(DECLARED.replace("console.log(JSON.stringify(params));", ""), "shared.ts")
    good = coral.script('import { params } from "./shared.ts";\nconsole.log(params);')
    assert "threshold" in coral.run("run", good, "--help-script").stdout
    bad = coral.script('throw new Error("no luck");\nawait import("./shared.ts");')
    assert coral.run("run", bad, "--help-script").code == 1


def test_help_of_a_script_that_is_done_before(coral: Program) -> None:
    ended = coral.run("run", coral.script(f"Deno.exit(0);\n{DECLARED}"), "--help-script")
    assert (ended.code, ended.stderr) == (0, "")
    assert ended.stdout.endswith(
        "\nThe script declares no parameters before it ends itself (coral.defineParams).\n"
    )


def test_a_terminal_is_told_that_it_takes_time(coral: Program) -> None:
    path = coral.script("for (;;);\n" + DECLARED)
    said = "coral: script.ts has declared no parameters yet"
    _, shown, _ = at_terminal(coral, "run", path, "--help-script", until=said)
    assert said in shown


def test_a_script_cannot_fake_its_declaration(coral: Program) -> None:
    text = 'console.log(`\\n${"0".repeat(32)}{"fake": {"type": "json"}}`);\n' + DECLARED
    ended = coral.run("run", coral.script(text), "--help-script")
    assert "\n  fake " not in ended.stdout
    assert "threshold" in ended.stdout


def test_asking_reaches_no_network(coral: Program) -> None:
    text = 'try { await fetch("http://127.0.0.1:9/"); } catch (e) { console.log(e.name); }\n' + DECLARED
    assert coral.run("run", coral.script(text), "--help-script").code == 0


def nested(levels: int) -> str:
    """A script whose default has so many levels."""
    value = f"let value = 1; for (let n = 0; n < {levels}; n++) value = [value];\n"
    declared = 'export const params = coral.defineParams({ deep: { type: "json", default: value } });\n'
    return 'import * as coral from "@coral/sdk";\n' + value + declared


def test_a_default_that_is_nested_too_deep(coral: Program) -> None:
    path = coral.script(nested(100))
    shown = "[" * 100 + "1" + "]" * 100
    assert f"[default: {shown}]\n" in coral.run("run", path, "--help-script").stdout
    (param,) = json.loads(coral.run("run", path, "--help-script", "-o", "json").stdout)
    assert json.dumps(param["default"]) == shown
    for levels in (101, 400, 3000):
        path = coral.script(nested(levels))
        for options in ([], ["-o", "json"]):
            assert coral.run("run", path, "--help-script", *options) == Result(
                65,
                "",
                "error: a parameter of script.ts is nested deeper than 100 levels\n"
                "hint: a default that large belongs into a file beside the script\n",
            )
        assert complete(coral, path, "-p", "d") == []


def complete(coral: Program, *words: str) -> list[str]:
    ended = coral.run(
        _CORAL_COMPLETE="bash_complete",
        COMP_WORDS=" ".join(["coral", "run", *words]),
        COMP_CWORD=str(len(words) + 1),
    )
    assert ended.code == 0
    return [line.partition(",")[2] for line in ended.stdout.splitlines() if line]


def test_the_shell_completes_names_and_values(coral: Program) -> None:
    path = coral.script(DECLARED)
    assert complete(coral, path, "-p", "t") == ["threshold="]
    assert complete(coral, path, "-p", "level=") == ["level=warn", "level=error"]
    assert complete(coral, path, "-p", "deep=t") == ["deep=true"]
    assert complete(coral, coral.script("const = 1;"), "-p", "t") == []
    # The prompt waits, so a script has less time than for --help-script.
    later = "const end = Date.now() + 6000;\nwhile (Date.now() < end);\n" + DECLARED
    assert complete(coral, coral.script(later), "-p", "t") == []
    path = coral.script(DECLARED)
    assert "--timeout" in complete(coral, path, "--ti")
