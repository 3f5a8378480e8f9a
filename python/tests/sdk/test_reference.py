"""docs/reference/sdk.md is what the types say, and every export says what it has to.

With CORAL_UPDATE_DOCS=1 the page is rewritten.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

import coral
from tests.sdk.reference import Entry, deno, documented, exports, page

NAMES = """
for (const [name, value] of Object.entries(coral)) {
  console.log(name);
  if (typeof value === "object") for (const key of Object.keys(value)) console.log(`${name}.${key}`);
}
"""
INTERNAL = {"plot.barChart", "plot.heatmapChart", "plot.lineChart", "plot.sparkChart"}
"""What is marked as internal, which the types leave out."""


@pytest.fixture(scope="module")
def exported() -> list[Entry]:
    return exports(documented())


def test_the_page_is_what_the_types_say(pytestconfig: pytest.Config) -> None:
    document = pytestconfig.rootpath / "docs" / "reference" / "sdk.md"
    if not document.parent.exists():
        pytest.skip("the documents are not here: this tree has the package only")
    text = page(documented())
    if os.environ.get("CORAL_UPDATE_DOCS"):
        document.write_text(text, encoding="utf-8")
        return
    assert document.read_text(encoding="utf-8") == text


def test_the_page_has_every_export(exported: list[Entry]) -> None:
    bundle = (Path(coral.__file__).parent / "_sdk" / "mod.js").as_uri()
    script = f"import * as coral from '{bundle}'; {NAMES}"
    done = subprocess.run([deno(), "eval", script], check=True, capture_output=True, text=True, timeout=120)
    names = set(done.stdout.split())
    assert {"services.list", "metrics.series", "emit", "CoralError"} <= names
    assert names - {entry.name.removeprefix("coral.") for entry in exported} - INTERNAL == set()
    text = page(documented())
    assert [entry.name for entry in exported if entry.name.removeprefix("coral.") not in text] == []


def test_every_export_is_documented(exported: list[Entry]) -> None:
    assert len(exported) > 100
    assert [entry.name for entry in exported if len(entry.text) < 5] == []
    members = [
        f"{entry.name}.{each['name']}"
        for entry in exported
        if entry.kind in ("interface", "class")
        for each in [*entry.node["def"].get("properties", []), *entry.node["def"].get("methods", [])]
        if not each.get("jsDoc", {}).get("doc")
    ]
    assert members == []


def test_every_function_tells_its_parameters_errors_and_an_example(exported: list[Entry]) -> None:
    missing = []
    for entry in exported:
        if entry.kind != "function":
            continue
        told = {tag["name"] for tag in entry.tags("param") if tag.get("doc")}
        params = entry.node["def"]["params"]
        named = {param["name"] for param in params if "name" in param}
        missing += [f"{entry.name}: @param {name}" for name in sorted(named - told)]
        missing += [] if len(told) >= len(params) else [f"{entry.name}: a @param"]  # one may have a pattern
        if "Promise<" in entry.declared or "AsyncGenerator<" in entry.declared:
            missing += [] if entry.tags("throws") else [f"{entry.name}: @throws"]
        missing += [] if entry.tags("example") else [f"{entry.name}: @example"]
    assert missing == []
