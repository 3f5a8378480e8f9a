"""What a script hands over: `-o`, `coral.output`, `coral.assert`, `coral.threshold`; how its output ends."""

from __future__ import annotations

import json
import subprocess

import pytest

from tests.runner.program import DEADLINE_SECONDS, Program, Result, finish, first_line

SDK = 'import * as coral from "@coral/sdk";\n'
ROWS = """export default [
  { name: "a,b", p99: 12.5, at: new Date(0), big: 2n ** 60n, none: null },
  { name: 'say "hi"\\n', p99: 3, at: null, big: 7n, more: { x: [1] } },
];
"""


def test_json(coral: Program) -> None:
    ended = coral.run("run", coral.script(ROWS), "-o", "json")
    assert (ended.code, ended.stderr) == (0, "")
    assert json.loads(ended.stdout) == [
        {
            "name": "a,b",
            "p99": 12.5,
            "at": "1970-01-01T00:00:00.000Z",
            "big": "1152921504606846976",
            "none": None,
        },
        {"name": 'say "hi"\n', "p99": 3, "at": None, "big": 7, "more": {"x": [1]}},
    ]
    assert ended.stdout.count("\n") == 1


def test_jsonl(coral: Program) -> None:
    ended = coral.run("run", coral.script(ROWS), "-o", "jsonl")
    assert [json.loads(line)["p99"] for line in ended.stdout.splitlines()] == [12.5, 3]


def test_csv(coral: Program) -> None:
    assert coral.run("run", coral.script(ROWS), "-o", "csv") == Result(
        0,
        'name,p99,at,big,none,more\n"a,b",12.5,1970-01-01T00:00:00.000Z,1152921504606846976,,\n'
        '"say ""hi""\n",3,,7,,"{""x"":[1]}"\n',
        "",
    )


def test_table(coral: Program) -> None:
    script = coral.script(
        'export default [{ service: "日本", p99: 12.5, ok: true }, { service: "x\\x1b[2Jy", p99: 3, ok: null }];'
    )
    assert coral.run("run", script, "-o", "table") == Result(
        0,
        "service     p99  ok\n---------  ----  ----\n日本       12.5  true\nx\\x1b[2Jy     3  NULL\n(2 rows)\n",
        "",
    )


@pytest.mark.parametrize(
    ("text", "stdout"),
    [
        ("export default 42;", "42\n"),
        ('export default "text";', '"text"\n'),
        ("export default null;", "null\n"),
        ("export default () => ({ a: 1 });", '{"a":1}\n'),
        ("export default async () => [1, 2];", "[1,2]\n"),
        ("export default Promise.resolve(1);", "1\n"),
        ("export default function* () { yield 1; yield 2; }", "[1,2]\n"),
        ("export default async function* () { yield { a: 1 }; yield 2; }", '[{"a":1},2]\n'),
        ("export default async function* () {}", "[]\n"),
        ("export default new Map([['a', new Set([1])]]);", '{"a":[1]}\n'),
        ("export default { a: NaN, b: new Uint8Array([1, 255]), c: undefined };", '{"a":null,"b":"01ff"}\n'),
        (
            "export default [new Error('e'), /a/g, new URL('http://h/'), new ArrayBuffer(2), new Float32Array(1)]",
            '["Error: e","/a/g","http://h/","0000",[0]]\n',
        ),
        ('export default "\\x9b\\u202e\\x1b";', '"\\u009b\\u202e\\u001b"\n'),
        (SDK + "coral.output(1); coral.output([2]);", "1\n[2]\n"),
        (SDK + "setTimeout(() => coral.output('late'), 20);", '"late"\n'),
    ],
)
def test_kinds_of_results(coral: Program, text: str, stdout: str) -> None:
    assert coral.run("run", coral.script(text), "-o", "json") == Result(0, stdout, "")


ITEMS = [
    ("new Set([{ a: 1 }, { a: 2 }])", '{"a":1}\n{"a":2}\n', "a\n1\n2\n"),
    ("new Set([1, 'x'])", '1\n"x"\n', "value\n1\nx\n"),
    ("new Float64Array([1.5, 2])", "1.5\n2\n", "value\n1.5\n2\n"),
    ("new Uint8Array([255, 1])", '"ff01"\n', "value\nff01\n"),
    ("new Uint8Array([255, 1]).buffer", '"ff01"\n', "value\nff01\n"),
    ("[new DataView(new ArrayBuffer(1))]", '"00"\n', "value\n00\n"),
    ("[new Float32Array(2)]", "[0,0]\n", 'value\n"[0,0]"\n'),
    ("[new Error('e')]", '"Error: e"\n', "value\nError: e\n"),
    ("new URL('http://h/')", '"http://h/"\n', "value\nhttp://h/\n"),
    (
        "[/a/g, new Date(0)]",
        '"/a/g"\n"1970-01-01T00:00:00.000Z"\n',
        "value\n/a/g\n1970-01-01T00:00:00.000Z\n",
    ),
    ("[new Map([['k', 1]])]", '{"k":1}\n', "k\n1\n"),
    ("new (class { a = 1; #b = 2; })()", '{"a":1}\n', "a\n1\n"),
    ("[new (class { toJSON() { return { q: 1 }; } })()]", '{"q":1}\n', "q\n1\n"),
    ("new (class {})()", "{}\n", "value\n{}\n"),
    ("[{}, {}]", "{}\n{}\n", "value\n{}\n{}\n"),
]


@pytest.mark.parametrize(("value", "jsonl", "csv"), ITEMS)
def test_rows_are_as_sensible_as_json(coral: Program, value: str, jsonl: str, csv: str) -> None:
    script = coral.script(f"export default {value};")
    assert coral.run("run", script, "-o", "jsonl") == Result(0, jsonl, "")
    assert coral.run("run", script, "-o", "csv") == Result(0, csv, "")
    shown = coral.run("run", script, "-o", "table").stdout.splitlines()
    assert [line for line in shown if not line.strip()] == []
    assert shown[-1] == ("(1 row)" if len(csv.splitlines()) == 2 else f"({len(csv.splitlines()) - 1} rows)")


CIRCLE = "const item = { name: 'x' }; item.self = item;\n"
DEEP = "let item = {}; for (let i = 0; i < 50000; i++) item = { item };\n"


@pytest.mark.parametrize("form", ["json", "jsonl", "csv", "table"])
@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("function hand() {\n  coral.output([{ item }]);\n}\nhand();", "script.js:4:9"),
        ("export default [{ item }];", ""),
    ],
)
@pytest.mark.parametrize(
    ("made", "why"), [(CIRCLE, "it holds itself, in self"), (DEEP, "it is too deep, or holds itself (")]
)
def test_a_result_that_has_no_form(
    coral: Program, *, made: str, why: str, text: str, place: str, form: str
) -> None:
    ended = coral.run("run", coral.script(SDK + made + text, "script.js"), "-o", form)
    assert (ended.code, ended.stdout) == (1, "")
    assert ended.stderr.startswith(f"error: CoralError: the result cannot be printed as {form}: {why}")
    assert place in ended.stderr
    assert "output.js" not in ended.stderr
    assert "mod.js" not in ended.stderr
    assert "\nhint: hand over what is to be seen of it only" in ended.stderr


PRINTS = """console.table([{ a: 1 }]); console.dir({ dir: 1 }); console.dirxml("xml"); console.count("n");
console.time("t"); console.timeLog("t"); console.timeEnd("t"); console.group("g"); console.log("in %d", 3);
console.groupEnd(); console.debug("debug"); console.trace("trace");
const bytes = (text) => new TextEncoder().encode(text);
Deno.stdout.writeSync(bytes("direct\\n"));
await Deno.stdout.write(bytes("awaited\\n"));
await new Response("web\\n").body.pipeTo(Deno.stdout.writable, { preventClose: true });
process.stdout.write("node\\n");
export default 1;
"""


@pytest.mark.parametrize("report", [False, True])
def test_stdout_is_the_result_alone(coral: Program, *, report: bool) -> None:
    flags = ["--html", str(coral.home / "report.html"), "-q"] if report else []
    ended = coral.run("run", coral.script(PRINTS, "script.js"), "-o", "json", *flags)
    assert (ended.code, ended.stdout) == (0, "1\n")
    for text in ("│ 1 │", "{ dir: 1 }", "xml", "n: 1", "t: ", "g\n  in 3\n", "debug", "Trace: trace"):
        assert text in ended.stderr
    for text in ("direct\n", "awaited\n", "web\n", "node\n"):
        assert text in ended.stderr


def test_without_a_format_the_console_is_denos(coral: Program) -> None:
    ended = coral.run("run", coral.script(PRINTS, "script.js"))
    assert ended.code == 0
    assert ended.stderr.startswith("Trace: trace\n")
    for text in ("│ 1 │", "{ dir: 1 }", "g\n  in 3\n", "direct\n", "awaited\n", "web\n", "node\n"):
        assert text in ended.stdout


def test_what_is_printed_meanwhile_goes_to_stderr(coral: Program) -> None:
    script = coral.script('console.log("log"); console.info("info"); console.error("err"); export default 1;')
    assert coral.run("run", script, "-o", "json") == Result(0, "1\n", "log\ninfo\nerr\n")


def test_a_script_without_a_result(coral: Program) -> None:
    assert coral.run("run", coral.script("export const a = 1;"), "-o", "json") == Result(
        2,
        "",
        "error: the script has no result for -o json\n"
        "hint: hand it over with coral.output(value), or export default a value or a function\n",
    )


def test_a_result_that_throws(coral: Program) -> None:
    script = coral.script('export default () => {\n  throw new Error("boom");\n};')
    ended = coral.run("run", script, "-o", "json")
    assert (ended.code, ended.stdout) == (1, "")
    assert "boom" in ended.stderr
    assert "script.ts:2:9" in ended.stderr


def test_the_main_module_stays_the_main_module(coral: Program) -> None:
    script = coral.script("let n = 0; n++; export default [import.meta.main, n];")
    assert coral.run("run", script, "-o", "json").stdout == "[true,1]\n"


def test_output_without_a_format(coral: Program) -> None:
    ended = coral.run(
        "run", coral.script(SDK + 'coral.output("x"); coral.output([{ a: 1 }]); export default 1;')
    )
    assert (ended.code, ended.stderr) == (0, "")
    assert ended.stdout.startswith("x\n┌")


CHECKS = SDK + (
    'coral.assert(true, "fine");\ncoral.assert(1 > 2, "one is more");\n'
    'console.log(coral.threshold("p99", 900.5, { max: 500 }), coral.threshold("rate", 1, { min: 1, max: 1 }));\n'
    'coral.threshold("rate", NaN, { min: 2 });\n'
)


def test_failed_checks_are_reported_at_the_end(coral: Program) -> None:
    path = coral.script(CHECKS + 'console.log("end");')
    assert coral.run("run", path) == Result(
        99,
        "false true\nend\n",
        f"failed: assertion failed: one is more (at file://{path}:3:7)\n"
        f"failed: threshold p99 failed: 900.5 is above 500 (at file://{path}:4:19)\n"
        f"failed: threshold rate failed: NaN is no number (at file://{path}:5:7)\n"
        "error: 3 checks failed\n",
    )


@pytest.mark.parametrize(
    ("end", "code"), [("Deno.exit(0);", 99), ("Deno.exit(4);", 4), ('throw new Error("x");', 1)]
)
def test_failed_checks_and_other_ends(coral: Program, end: str, code: int) -> None:
    ended = coral.run("run", coral.script(CHECKS + end))
    assert ended.code == code
    assert "error: 3 checks failed\n" in ended.stderr


def test_checks_that_hold_are_quiet(coral: Program) -> None:
    script = coral.script(SDK + 'coral.assert(1, "one"); coral.threshold("x", 1, { max: 1 });')
    assert coral.run("run", script) == Result(0, "", "")


def test_a_threshold_without_a_bound(coral: Program) -> None:
    ended = coral.run("run", coral.script(SDK + 'coral.threshold("x", 1, {});'))
    assert ended.code == 1
    assert "the threshold x has no bound" in ended.stderr
    assert ended.stderr.endswith("hint: for example { max: 500 }\n")


@pytest.mark.parametrize(
    "text",
    [
        'while (true) console.log("y".repeat(1000));',
        'setInterval(() => console.log("y"), 10);',
        'Deno.addSignalListener("SIGTERM", () => {}); setInterval(() => console.log("y"), 10);',
        'const e = new TextEncoder().encode("y\\n"); while (true) Deno.stdout.writeSync(e);',
    ],
)
def test_a_reader_that_leaves_ends_the_script(coral: Program, text: str) -> None:
    process = coral.start("run", coral.script(text), "--timeout", "0")
    assert first_line(process).startswith("y")
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == b""
    assert process.wait(DEADLINE_SECONDS) == 141
    process.stderr.close()


def test_a_device_that_takes_no_more(coral: Program) -> None:
    path = coral.script('const a = 1;\nconsole.log("x", a);')
    with open("/dev/full", "w") as full:
        ended = subprocess.run(
            coral.command("run", path),
            stdout=full,
            stderr=subprocess.PIPE,
            env=coral.environment,
            text=True,
            timeout=DEADLINE_SECONDS,
            check=False,
        )
    assert ended.returncode == 74
    assert ended.stderr == (
        "error: the script's output cannot be written: No space left on device\n"
        f"    at file://{path}:2:9\n"
        "hint: free some space, or send the output to another place\n"
    )


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ('Deno.readTextFileSync("/etc/passwd")', "scripts may read files below their own folder only"),
        (
            'await fetch("http://127.0.0.1:4444/")',
            "scripts may connect to their colony only (choose it with --colony)",
        ),
        ('Deno.writeTextFileSync("x", "")', "scripts may not write files; print to stdout and redirect it"),
        (
            'Deno.env.get("HOME")',
            "scripts see no environment variables; hand values over with --param name=value",
        ),
        ('new Deno.Command("ls").outputSync()', "scripts may not start programs"),
        ("Deno.hostname()", "scripts may not ask about the operating system; see coral.system"),
        (
            'const n = "/etc/passwd"; await import(n)',
            "scripts may import @coral/sdk and files below their own folder",
        ),
    ],
)
@pytest.mark.parametrize("head", ["", SDK.replace("\n", " ")])
def test_what_is_denied_is_said_in_corals_words(coral: Program, head: str, text: str, hint: str) -> None:
    path = coral.script(f"\n{head}{text}")
    ended = coral.run("run", path)
    assert (ended.code, ended.stdout) == (77, "")
    assert f"file://{path}:2:" in ended.stderr
    assert "--allow" not in ended.stderr
    assert "ext:" not in ended.stderr
    assert ended.stderr.endswith(f"\nhint: {hint}\n")


def test_quiet_and_verbose(coral: Program) -> None:
    path = coral.script("console.log(1); Deno.exit(3);")
    assert coral.run("run", "-q", path) == Result(3, "1\n", "")
    ended = coral.run("run", "-v", path)
    assert (ended.code, ended.stdout) == (3, "1\n")
    # Where no control group can be made, that is said in between.
    first, *missing, second = ended.stderr.splitlines()
    assert all(line.startswith("coral: containment without ") for line in missing)
    assert first == f"coral: running {path} with colony 127.0.0.1:9"
    assert second.startswith("coral: script.ts ended after ")
    assert second.endswith(" s with 3")


def test_a_daemon_runs_longer_than_a_minute(coral: Program) -> None:
    ended = coral.run("run", "--dry-run", "-o", "json", "--daemon", coral.script(""))
    assert json.loads(ended.stdout)["time_limit_seconds"] == 24 * 3600


def test_a_dry_run_runs_nothing(coral: Program) -> None:
    coral.script("export const x = 1;", "lib/x.ts")
    path = coral.script('import { x } from "./lib/x.ts"; import "./gone.ts"; console.log(x);')
    ended = coral.run("run", path, "--dry-run", "-p", "a=1", "--", "b")
    assert (ended.code, ended.stderr) == (0, "")
    lines = ended.stdout.splitlines()
    assert lines[:4] == [
        f"script       {path}",
        "colony       127.0.0.1:9",
        "time limit   60 s",
        "parameters   {'a': 1}",
    ]
    assert f"  {path}" in lines
    assert f"  {coral.home}/scripts/lib/x.ts" in lines
    assert [line for line in lines if line.startswith(f"  {coral.home}/scripts/gone.ts  (Module not found")]
    assert "  --allow-net=127.0.0.1:9" in lines
    assert lines[-1].endswith(f" {path} b")
    made = json.loads(coral.run("run", path, "--dry-run", "-o", "json").stdout)
    assert made["script"] == path
    assert made["command"][1] == "run"
    assert {module["path"] for module in made["imports"]} == {
        f"{coral.home}/scripts/{name}" for name in ("script.ts", "lib/x.ts", "gone.ts")
    }


def test_a_dry_run_starts_no_colony(coral: Program) -> None:
    ended = coral.run("run", coral.script(""), "--dry-run", CORAL_COLONY="")
    assert ended.code == 0
    assert "colony       none\n" in ended.stdout
    assert not (coral.home / "state").exists()


def test_a_debugger_can_connect(coral: Program) -> None:
    process = coral.start("run", coral.script('console.log("up");'), "--inspect-brk=127.0.0.1:19229")
    assert process.stderr is not None
    assert process.stderr.readline().decode().startswith("Debugger listening on ws://127.0.0.1:19229/")
    process.terminate()
    assert finish(process).code == 143
