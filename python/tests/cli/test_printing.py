"""Nothing that a script, a file, a colony or an agent says steers the terminal when Coral prints it."""

from __future__ import annotations

import ast
import io
import json
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import coral as package
from coral import printing

HOME = Path(package.__file__).parent

ALLOWED = {
    "printing.py": "the one home",
    "cli/errors.py": "colours of Coral's own; the text comes from printing",
    "replay/serving.py": "JSON for the process that started it",
    "demo/shop/__main__.py": "JSON for the process that started it",
    "agent/functions/worker.py": "msgpack for the process that started it",
}
FILTERED = ("harmless", "check_report")
"""What comes out of these went through `coral.runner.terminal`: colours stay."""

NAMES = [
    ("\x1b]0;owned\x07", r"\x1b]0;owned\x07"),
    ("\x9b6n", r"\x9b6n"),
    ("a\rb\nc\td", r"a\x0db\nc\td"),
    ("user\u202egnp", r"user\u202egnp"),
    ("a\u200bb\u2028c\u061c", r"a\u200bb\u2028c\u061c"),
    ("\udcff\udc9b", r"\xff\x9b"),
    ("\ud800\U000e0041", r"\ud800\U000e0041"),
    ("ü 日本 👩\u200d💻", "ü 日本 👩\u200d💻"),
]


def calls() -> Iterator[tuple[str, int, ast.Call]]:
    """All calls by which the package writes to stdout or stderr itself."""
    for path in sorted(HOME.rglob("*.py")):
        name = path.relative_to(HOME).as_posix()
        if name.startswith(("_proto/", "testing/", "_deno/", "_sdk/")) or name in ALLOWED:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                if called in (
                    "print",
                    "click.echo",
                    "click.secho",
                    "traceback.print_exc",
                ) or called.startswith(
                    ("sys.stdout.write", "sys.stderr.write", "sys.stdout.buffer", "sys.stderr.buffer")
                ):
                    yield name, node.lineno, node


def is_harmless(call: ast.Call) -> bool:
    """Whether all that it writes stands in the source, or is filtered."""
    return all(
        isinstance(each, ast.Constant)
        or (isinstance(each, ast.Call) and isinstance(each.func, ast.Name) and each.func.id in FILTERED)
        for each in call.args
    )


def test_all_that_is_printed_goes_through_one_place() -> None:
    found = [f"{name}:{line}: {ast.unparse(call)}" for name, line, call in calls() if not is_harmless(call)]
    assert found == [], "use coral.printing"
    assert all((HOME / name).is_file() for name in ALLOWED)


@pytest.mark.parametrize(("text", "shown"), NAMES)
def test_what_is_shown(text: str, shown: str) -> None:
    assert printing.visible(text) == shown
    assert printing.visible_lines(f"{text}\n") == shown.replace("\\n", "\n").replace("\\t", "\t") + "\n"


def steering(text: str) -> set[str]:
    return {
        each
        for each in text
        if unicodedata.category(each) in ("Cc", "Cf", "Cs", "Zl", "Zp") and each != "\u200d"
    }


@given(st.text(st.characters(), max_size=50))
def test_whatever_it_is_nothing_steers(text: str) -> None:
    assert not steering(printing.visible(text))
    assert steering(printing.visible_lines(text)) <= {"\n", "\t"}
    assert printing.visible(printing.visible(text)) == printing.visible(text)


@given(st.text(st.characters(codec="utf-8"), max_size=50))
def test_json_means_what_it_meant(text: str) -> None:
    shown = printing.visible_json(json.dumps([text], ensure_ascii=False))
    assert not steering(shown)
    assert json.loads(shown) == [text]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_data_is_as_it_is_where_no_terminal_is(monkeypatch: pytest.MonkeyPatch) -> None:
    for stream, expected in ((io.StringIO(), "a\x1b[2J,\u202eb\n"), (Terminal(), "a\\x1b[2J,\\u202eb\n")):
        monkeypatch.setattr("sys.stdout", stream)
        printing.emit("a\x1b[2J,\u202eb\n")
        assert stream.getvalue() == expected


def test_a_name_makes_no_line_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    printing.say("running a\ncoral: all is well.ts")
    printing.show_lines("a\nb", "c")
    assert capsys.readouterr() == ("a\\nb\nc\n", "coral: running a\\ncoral: all is well.ts\n")
