"""The command lines whose snapshots are in `snapshots/`: one file a session, a session in one fresh home.

A session has the files that it begins with, and its command lines in order. `{colony}` stands for the
address of a real colony without agents.
"""

from __future__ import annotations

from dataclasses import dataclass, field

_SIZE = (r" *\b[\d.]+ (B|KiB|MiB|GiB)\b", " SIZE")
_SDK = 'import * as coral from "@coral/sdk";\n'
CTRL_C = "  # Ctrl-C after its first line"


@dataclass(frozen=True)
class Session:
    """Commands that are run one after the other, in a fresh home.

    Attributes:
        commands: Command lines; one that ends in `CTRL_C` is interrupted.
        files: What is in the home before, by path.
        environment: Variables besides those of every test.
        stdin: What every command reads.
        kept: Of stdout only lines that this expression finds; the others tell of the machine.
        masks: What in the output is another each time, and what stands there instead.
    """

    commands: tuple[str, ...]
    files: dict[str, str] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    stdin: str = ""
    kept: str = ""
    masks: tuple[tuple[str, str], ...] = ()


SESSIONS = {
    "run": Session(
        (
            "coral run hello.ts",
            "coral run hello.ts -- a --b",
            "coral run -",
            """coral run -e 'console.log(coral.mode, coral.params)' -p n=5 -p name=payments""",
            "coral run rows.ts -o json",
            "coral run rows.ts -o jsonl",
            "coral run rows.ts -o csv",
            "coral run rows.ts -o table",
            "coral run declared.ts",
            "coral run declared.ts --help-script",
            "coral run declared.ts -p threshold=high",
            "coral run declared.ts -p treshold=5",
            "coral run exits.ts",
            "coral run types.ts --check",
            "coral run types.ts --no-check",
            "coral run example:nope",
            "coral run hello.ts --dry-run --memory 256m --timeout 5s",
        ),
        files={
            "hello.ts": 'console.log("hello", Deno.args);\n',
            "rows.ts": 'export default () => [{ service: "a", p99: 1.5 }, { service: "b, c", p99: null }];\n',
            "declared.ts": _SDK + "/** Says the threshold. */\n"
            'export const params = coral.defineParams({\n  threshold: { type: "number", default: 500,'
            ' description: "P99 in ms" },\n});\nconsole.log(params.threshold);\n',
            "exits.ts": "Deno.exit(7);\n",
            "types.ts": 'const n: number = "five";\nconsole.log(n);\n',
        },
        stdin="console.log('from stdin');",
        # What the kernel holds is another thing on each machine; python/tests/runner/test_containment.py.
        kept=r"^(?!  (landlock|seccomp|no_new_privs|rlimits|parent_death|descriptors|memory|tasks|cpu) )",
    ),
    "run-errors": Session(
        (
            "coral run",
            "coral run missing.ts",
            "coral run .",
            "coral run https://example.com/x.ts",
            "coral run file:///etc/passwd",
            "coral run hello.ts extra.ts",
            "coral run hello.ts --colny h:1",
            "coral run hello.ts --colony http://h:1",
            "coral run hello.ts --timeout soon",
            "coral run hello.ts --memory much",
            "coral run hello.ts --color blue",
            "coral run hello.ts -p novalue",
            "coral run hello.ts --param-file missing.json",
            "coral run hello.ts --param-file list.json",
            "coral run hello.ts -o xml",
            "coral run -e 1 hello.ts",
            "coral run syntax.ts",
            "coral run lost.ts",
            "coral run throws.ts",
            "coral run rejects.ts",
            "coral run read.ts",
            "coral run write.ts",
            "coral run net.ts",
            "coral run env.ts",
            "coral run program.ts",
            "coral run ffi.ts",
            "coral run sys.ts",
            "coral run import.ts",
            "coral run remote.ts",
            "coral run npm.ts",
            "coral run unreachable.ts",
            "coral run checks.ts",
            "coral run spin.ts --timeout 300ms",
            "coral run memory.ts --memory 128m",
            "coral run hello.ts --memory 64m",
            "coral run wait.ts" + CTRL_C,
        ),
        files={
            "hello.ts": "console.log('hello');\n",
            "list.json": "[1]\n",
            "syntax.ts": "const = 5;\n",
            "lost.ts": 'import "./not_there.ts";\n',
            "throws.ts": "function inner() {\n  throw new TypeError('broken');\n}\ninner();\n",
            "rejects.ts": "await Promise.reject(new Error('later'));\n",
            "read.ts": "Deno.readTextFileSync('/etc/passwd');\n",
            "write.ts": "Deno.writeTextFileSync('note.txt', 'x');\n",
            "net.ts": "await fetch('https://example.com/');\n",
            "env.ts": "Deno.env.get('HOME');\n",
            "program.ts": "new Deno.Command('ls').outputSync();\n",
            "ffi.ts": "Deno.dlopen('libc.so.6', {});\n",
            "sys.ts": "Deno.hostname();\n",
            "import.ts": 'import text from "/etc/passwd" with { type: "text" };\nconsole.log(text);\n',
            "remote.ts": 'import "https://example.com/mod.ts";\n',
            "npm.ts": 'import "npm:left-pad@1.3.0";\n',
            "unreachable.ts": _SDK + "await coral.services.list();\n",
            "checks.ts": _SDK
            + 'coral.threshold("P99 ms", 892.1, { max: 500 });\ncoral.assert(false, "up");\n',
            "spin.ts": "while (true);\n",
            "memory.ts": "const all = [];\nwhile (true) all.push(new Uint8Array(16 << 20).fill(1));\n",
            "wait.ts": "console.log('up');\nawait new Promise((r) => setTimeout(r, 60_000));\n",
        },
    ),
    "run-configuration": Session(
        (
            "coral run hello.ts",
            "coral config show",
        ),
        files={"hello.ts": "", "config/coral/config.yaml": "timeuot: 5s\n"},
    ),
    "run-environment": Session(("coral run hello.ts",), {"hello.ts": ""}, {"CORAL_COLONY": "nowhere"}),
    "run-switches": Session(
        ("coral run hello.ts",), {"hello.ts": ""}, {"CORAL_CONTAINMENT_OFF": "everything"}
    ),
    "init": Session(
        (
            "coral init scripts",
            "coral init scripts",
            "coral init hello.ts",
            "coral new --list",
            "coral new report",
            "coral new report",
            "coral new slow --template nope",
            "coral examples list",
            "coral examples show nope",
            "coral examples show latency-report",
            "coral examples copy latency-report mine.ts",
            "coral examples copy latency-report mine.ts",
        ),
        files={"hello.ts": ""},
    ),
    "config": Session(
        (
            "coral config path",
            "coral config show",
            "coral config get timeout",
            "coral config set timeout 2m",
            "coral config set timeout soon",
            "coral config set colour blue",
            "coral config get timeout",
            "coral config add-context prod colony.internal:9000",
            "coral config add-context test nowhere",
            "coral config contexts",
            "coral config use prod",
            "coral config use nope",
            "coral config show",
            "coral config remove-context prod",
            "coral config unset timeout",
            "coral config show",
        ),
        environment={"CORAL_COLONY": ""},
    ),
    "incomplete": Session(
        (
            "coral agent",
            "coral cache",
            "coral colony",
            "coral completion",
            "coral config",
            "coral config set",
            "coral examples",
            "coral examples copy",
            "coral init /dev/null/x",
            "coral new",
            "coral run -e",
            "coral run --dry-run",
            "coral run /dev/null",
            "coral run --watch missing.ts",
            "coral audit extra",
        )
    ),
    "cache": Session(
        ("coral run hello.ts", "coral cache show", "coral cache prune --dry-run", "coral cache prune"),
        files={"hello.ts": ""},
        environment={"CORAL_CACHE_DIR": "cache"},
        masks=(_SIZE,),
    ),
    "completion": Session(
        ("coral completion bash", "coral completion zsh", "coral completion fish", "coral completion tcsh")
    ),
    "doctor": Session(("coral doctor", "coral doctor --nope"), kept="^problem  colony|check the address"),
    "token": Session(
        (
            "coral token list",
            "coral token create alice --role viewer --token-file tokens.yaml",
            "coral token create edge --role agent --raw-attributes --token-file tokens.yaml",
            "coral token create edge --role king --token-file tokens.yaml",
            "coral token create alice --role admin --token-file tokens.yaml",
            "coral token list --token-file tokens.yaml",
            "coral token list --token-file tokens.yaml -o json",
            "coral token revoke bob --token-file tokens.yaml",
            "coral token revoke alice --token-file tokens.yaml",
            "coral services --colony colony.internal:9000 --token-file mine.token",
            "coral services --tls-ca mine.token",
            "coral colony start --no-config --listen 0.0.0.0:9000",
        ),
        files={"mine.token": "coral_0\n", "coral.yaml": ""},
        masks=((r"coral_[0-9a-f]{64}", "coral_RANDOM"),),
    ),
    "audit": Session(
        (
            "coral audit",
            "coral run read.ts",
            "coral run spin.ts --timeout 300ms",
            "coral audit -o csv",
            "coral audit --limit 1 -o csv",
            "coral audit --path",
            "coral audit --limit 0",
        ),
        files={
            "read.ts": "Deno.readTextFileSync('/etc/passwd');\n",
            "spin.ts": "while (true);\n",
        },
        # A machine without control groups has a wall less for a script that runs longer than a moment.
        masks=((r"(?<=0\.3 s,).*", ""), (r"(?<=read\.ts,,).*", "")),
    ),
    "version": Session(("coral version", "coral version --json", "coral --version", "coral nope")),
    "colony": Session(
        (
            "coral services --colony {colony}",
            "coral services --colony {colony} -o json",
            "coral status --colony {colony}",
            "coral status --colony {colony} --check",
            "coral logs payments --colony {colony}",
            "coral functions payments --colony {colony}",
            "coral events --colony {colony}",
            'coral query "SELECT 40 + 2 AS answer" --colony {colony}',
            'coral query "SELECT 40 + 2 AS answer" --colony {colony} -o json',
            'coral query "SELECT 40 + 2 AS answer" --colony {colony} -o csv',
            'coral query "DROP TABLE spans" --colony {colony}',
            'coral query "SELEKT 1" --colony {colony}',
            'coral query "SELECT * FROM nope" --colony {colony}',
            "coral queries --colony {colony}",
            "coral queries --cancel 700 --colony {colony}",
        ),
        masks=(
            _SIZE,
            (r"ipv4:127\.0\.0\.1:\d+", "CALLER"),
            (r"(answered|failed|refused) +[\d.]+ +(\d)", r"\1 TIME \2"),
            (r"up \d+s", "up TIME"),
        ),
    ),
    "recordings": Session(
        (
            "coral record empty.duckdb --colony {colony}",
            "coral record taken.duckdb --colony {colony}",
            "coral record empty.duckdb --since 0s --colony {colony}",
            "coral test",
            "coral test missing.ts",
            "coral test scripts",
            "coral test a_test.ts",
            "coral test a_test.ts --dataset taken.duckdb",
            "coral test a_test.ts --dataset taken.duckdb --at noon",
            "coral backtest missing.ts",
            "coral backtest a_test.ts --dataset missing.duckdb",
            "coral backtest a_test.ts --dataset taken.duckdb --colony {colony}",
            "coral backtest a_test.ts --since 5m --colony {colony}",
            "coral run a_test.ts --dataset taken.duckdb --watch",
        ),
        files={"taken.duckdb": "this is no recording\n", "a_test.ts": "", "scripts/other.ts": ""},
    ),
    "unreachable": Session(
        (
            "coral record some.duckdb",
            "coral services",
            "coral status",
            "coral logs payments",
            "coral functions payments",
            "coral events",
            'coral query "SELECT 1"',
            "coral queries",
            "coral agent status",
            "coral demo --nope",
        )
    ),
    "servers": Session(
        (
            "coral colony check-config good.yaml",
            "coral colony check-config bad.yaml",
            "coral colony start --listen nowhere",
            "coral colony start --config missing.yaml",
            "coral agent check-config agent.yaml",
            "coral agent check-config bad.yaml",
            "coral agent start --otlp-grpc nowhere",
            "coral agent sample",
        ),
        files={
            "good.yaml": "listen: 127.0.0.1:9000\nretention: {default: 7d}\n",
            "bad.yaml": "lisen: 127.0.0.1:9000\n",
            "agent.yaml": "colony: 127.0.0.1:9000\nlabels: {region: us-east}\n",
        },
        masks=((r'id: ".*" +# default', 'id: "HOSTNAME"  # default'), (r'(state/coral/\w+") +#', r"\1 #")),
    ),
}
