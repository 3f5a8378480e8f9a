"""What of a script's output may reach a terminal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coral.runner.terminal import TerminalFilter, harmless
from tests.runner.at_terminal import at_terminal
from tests.runner.program import Program

ESC = "\x1b"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain\ttext\n", "plain\ttext\n"),
        ("日本 ü 👩\u200d💻\n", "日本 ü 👩\u200d💻\n"),
        (f"{ESC}[1;31mred{ESC}[0m", f"{ESC}[1;31mred{ESC}[0m"),
        (f"{ESC}[38;5;200mpink{ESC}[m", f"{ESC}[38;5;200mpink{ESC}[0m"),
        (f"{ESC}[38;5;8mgrey{ESC}[m", f"{ESC}[90mgrey{ESC}[0m"),
        (f"{ESC}[48;2;8;08;80mx{ESC}[0m", f"{ESC}[48;2;9;9;80mx{ESC}[0m"),
        (f"{ESC}[38;5;0mblack", f"{ESC}[38;5;0mblack{ESC}[0m"),
        (f"{ESC}[31mopen", f"{ESC}[31mopen{ESC}[0m"),
        (f"{ESC}[8mhidden", "hidden"),
        (f"{ESC}[1;08mhidden", f"{ESC}[1mhidden{ESC}[0m"),
        (f"a{ESC}[2Jb{ESC}[6nc{ESC}[1;1Hd", "abcd"),
        (f"a{ESC}[?1049hb{ESC}[>4;1mc{ESC}[ qd", "abcd"),
        (f"a{ESC}]0;title\x07b", "ab"),
        (f"a{ESC}]52;c;eA=={ESC}\\b", "ab"),
        (f"a{ESC}Pq#0~{ESC}\\b{ESC}_x{ESC}\\c{ESC}^x{ESC}\\d{ESC}Xx{ESC}\\e", "abcde"),
        (f"a{ESC}cb{ESC}(0c{ESC}#8d{ESC}7e", "abcde"),
        ("a\x9b2Jb\x9d0;t\x9cc\x90q\x9cd", "abcd"),
        ("a\x08b\x07c\x00d\x7fe\x0ef\x0bg", "abcdefg"),
        ("user\u202egnp.exe\u202c \u2066x\u2069 \u200e\u200f", "usergnp.exe x "),
        ("pass\rfail\r\nx", "pass\nfail\r\nx"),
        ("end\r", "end\n"),
        (f"{ESC}]0;never closed\nnext line", "\nnext line"),
        (f"{ESC}]0;a{ESC}[31mb", f"{ESC}[31mb{ESC}[0m"),
        (f"{ESC}[31", ""),
        (f"{ESC}[2{ESC}[32mg", f"{ESC}[32mg{ESC}[0m"),
        (f"{ESC}[1ü", "ü"),
        (f"{ESC}[{'1;' * 100}mx", "x"),
    ],
)
def test_what_passes(text: str, shown: str) -> None:
    assert harmless(text) == shown


def test_raw_control_bytes_outside_utf8() -> None:
    terminal = TerminalFilter()
    assert (terminal.feed(b"a\x9b2Jb\xff") + terminal.end()).decode() == "a\ufffd2Jb\ufffd"


PIECES = [
    ESC,
    "[",
    "]",
    "0;",
    "31",
    "m",
    "2J",
    "\x07",
    "\\",
    "\x9b",
    "\x9d",
    "\x9c",
    "P",
    "\r",
    "\n",
    "ü",
    "x",
    "\u202e",
]


@given(st.lists(st.sampled_from(PIECES), max_size=30), st.integers(1, 7))
def test_cuts_change_nothing_and_nothing_steering_passes(pieces: list[str], size: int) -> None:
    data = "".join(pieces).encode()
    terminal = TerminalFilter()
    cut = b"".join([terminal.feed(data[i : i + size]) for i in range(0, len(data), size)]) + terminal.end()
    whole = TerminalFilter()
    assert cut == whole.feed(data) + whole.end()
    text = cut.decode()
    for sequence in text.split(ESC)[1:]:
        assert sequence.startswith("[")
        assert sequence.lstrip("[0123456789;").startswith("m")
    assert not set(text) & set("\x07\x9b\x9c\x9d\u202e\x00")
    assert text.replace("\r\n", "").count("\r") == 0


def test_a_script_cannot_steer_the_terminal(coral: Program) -> None:
    script = coral.script(
        r'console.log("\x1b]0;owned\x07a\x1b[2Jb\x1b[6n");console.error("\x1b]52;c;eA==\x07c");'
        r'Deno.stdout.writeSync(new Uint8Array([0x1b])); Deno.stdout.writeSync(new TextEncoder().encode("[2Jd\n"));'
        r'const e = new Error("\x1b]0;owned\x07boom"); e.name = "\x1b[2JName"; throw e;'
    )
    code, seen, _ = at_terminal(coral, "run", script, "--no-check", NO_COLOR="1")
    assert code == 1
    assert seen.startswith("ab\nc\nd\n")
    assert "boom" in seen
    assert ESC not in seen
    assert "owned" not in seen


def test_what_is_beyond_the_limit_is_left_out_and_told(coral: Program) -> None:
    """However few writes it takes; by one or a few of them a script may even end before the watchdog looks."""
    script = coral.script(
        "const large = new Uint8Array(6 << 20).fill(0x61); for (let at = 0; at < large.length; at += 80) large[at] = 10;"
        "for (let times = 0; times < 3; times++) Deno.stdout.writeSync(large);"
    )
    code, seen, _ = at_terminal(coral, "run", script, "--no-check", NO_COLOR="1")
    assert code in (0, 124)
    assert (8 << 20) - 1000 < len(seen) < (8 << 20) + 1000
    assert (
        seen.count(
            "coral: what it prints from here on is left out (limit 8 MiB, CORAL_OUTPUT=1g raises it)\n"
        )
        == 1
    )


def test_colours_stay(coral: Program) -> None:
    script = coral.script('console.log("%cred", "color: red");console.log({a: 1});')
    code, seen, _ = at_terminal(coral, "run", script, "--no-check")
    assert code == 0
    assert "\x1b[33m1\x1b[39m" in seen
    assert "\x1b[33m" not in at_terminal(coral, "run", script, "--no-check", "--color", "never")[1]


def test_the_terminals_mode_is_given_back(coral: Program) -> None:
    script = coral.script('Deno.stdin.setRaw(true); console.log("raw"); while (true) {}')
    code, seen, _ = at_terminal(coral, "run", script, "--no-check", "--timeout", "500ms")
    assert code == 124
    assert "stopped at its time limit" in seen


def test_types_are_checked_at_a_terminal(coral: Program) -> None:
    script = coral.script('const n: number = "x";\nconsole.log(n);\n')
    code, seen, _ = at_terminal(coral, "run", script, NO_COLOR="1")
    assert code == 79
    assert "TS2322" in seen
    assert seen.endswith("error: script.ts has type errors\nhint: correct them, or run it with --no-check\n")
    assert at_terminal(coral, "run", script, "--no-check")[0] == 0


def test_file_names_cannot_steer_the_terminal(coral: Program) -> None:
    ended = coral.run("run", "\x1b]0;owned\x07.ts")
    assert (ended.code, ended.stdout) == (66, "")
    assert ended.stderr.startswith("error: there is no file \\x1b]0;owned\\x07.ts\n")
