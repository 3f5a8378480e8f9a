"""The page of `coral run --html` in a real browser: it draws, it sorts, it loads nothing, no text runs."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from coral.testing.node_tools import NodeTools
from coral.testing.processes import run_coral

HOSTILE = '</script><script>globalThis.hostile=1</script><img src=x onerror="hostile=1;alert(1)"><!--'
SCRIPT = """import * as coral from "@coral/sdk";
const HOSTILE = %s;
const noon = Date.UTC(2026, 0, 2, 12);
const minutes = (f) => Array.from({ length: 30 }, (_, i) => [new Date(noon + i * 60_000), f(i)]);
console.log(HOSTILE);
coral.plot.line({ p50: minutes((i) => 20 + i), [HOSTILE]: minutes((i) => i === 9 ? null : 100 + i) }, {
  title: "Latency",
  unit: "ms",
});
coral.plot.bar([["orders", 25], [HOSTILE, 100], ["none", 0]], { title: HOSTILE, unit: HOSTILE });
coral.plot.spark([3, null, 5], { title: "Sparks" });
const x = [new Date(noon), new Date(noon + 60_000)];
const cells = { x, y: [HOSTILE, "fast"], values: [[1, null], [2, 3]] };
coral.plot.heatmap(cells, { title: "Heat" });
coral.table([{ name: "b", n: 9 }, { name: HOSTILE, n: 10 }, { name: "a", n: null }], { title: "Table" });
coral.plot.line([], { title: "Nothing" });
coral.output({ [HOSTILE]: [HOSTILE] });
"""


@pytest.fixture(scope="module")
def chromium() -> str:
    """A Chromium. Continuous integration must have one."""
    for name in ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome"):
        found = shutil.which(name)
        if found is not None:
            return found
    if os.environ.get("CI"):
        pytest.fail("there is no Chromium here, and CI is set: .ci/run installs one")
    pytest.skip("there is no Chromium here (Debian: apt-get install chromium)")


@pytest.fixture(scope="module")
def seen(tools: NodeTools, chromium: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a browser shows of a report."""
    folder = tmp_path_factory.mktemp("report")
    script, page = folder / "script.ts", folder / "report.html"
    script.write_text(SCRIPT % json.dumps(HOSTILE))
    done = run_coral("run", str(script), "--no-check", "--colony", "127.0.0.1:9", "--html", str(page))
    assert done.returncode == 0, done.stderr
    # Where they are wanted, pictures of it stay.
    shots = Path(os.environ.get("TEST_UNDECLARED_OUTPUTS_DIR", folder))
    looked = tools.run(
        Path(__file__).with_name("browse.mjs"), tools.modules, chromium, page, shots, cwd=folder
    )
    assert looked.returncode == 0, looked.stderr
    found: dict[str, Any] = json.loads(looked.stdout)
    return found


@pytest.fixture(params=["light", "dark"])
def page(request: pytest.FixtureRequest, seen: dict[str, Any]) -> dict[str, Any]:
    """The same in one scheme of colours."""
    found: dict[str, Any] = seen[request.param]
    return found


def test_everything_is_drawn(page: dict[str, Any]) -> None:
    assert page["title"].endswith("script.ts – Coral report")
    assert page["headings"] == ["Latency", HOSTILE, "Sparks", "Heat", "Table", "Nothing"]
    assert page["canvases"] == [True]
    none, quarter, whole = page["bars"][2], page["bars"][0], page["bars"][1]
    assert whole == pytest.approx(4 * quarter, abs=4)
    assert none <= 1 < 200 < whole
    assert page["sparks"] == [True]
    assert page["cells"] == [
        f"2026-01-02T12:00:00, {HOSTILE}: 1",
        "2026-01-02T12:00:00, fast: 2",
        "2026-01-02T12:01:00, fast: 3",
    ]
    assert "no data" in page["text"]
    assert "exit code 0" in page["text"]
    assert page["scroll"], "nothing is wider than the window"


def test_tables_are_sorted_by_a_click(page: dict[str, Any]) -> None:
    assert page["sorted"] == [["9", "10", "-"], ["9", "10", "-"], ["10", "9", "-"]]


def test_a_hostile_text_is_text(page: dict[str, Any]) -> None:
    assert page["text"].count(HOSTILE) >= 5
    assert page["ran"] == "undefined"
    assert page["dialogs"] == 0
    assert not {"img", "iframe", "object", "embed", "link", "form"} & set(page["elements"])


def test_nothing_is_loaded_and_nothing_fails(seen: dict[str, Any], page: dict[str, Any]) -> None:
    assert page["requests"] == [seen["address"]]
    assert page["messages"] == []


def test_the_policy_lets_no_other_script_run(page: dict[str, Any]) -> None:
    assert page["injected"] == ["undefined", "refused"]


def test_there_is_a_light_and_a_dark_page(seen: dict[str, Any]) -> None:
    grounds = [seen[scheme]["ground"] for scheme in ("light", "dark")]
    assert grounds == ["rgb(255, 255, 255)", "rgb(20, 23, 28)"]
