#!/usr/bin/env python3
"""Adds up the test cases of one Bazel run: `count_tests.py EVENTS`, a --build_event_json_file.

Prints `N passed, N failed, N skipped`. A test target without a report counts as one failure: it was not
built, or it was killed. Reports that an earlier run left behind are not in the events.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from urllib.parse import unquote, urlparse
from xml.etree import ElementTree


def _outcomes(report: Path) -> list[str]:
    try:
        cases = list(ElementTree.parse(report).iter("testcase"))
    except (OSError, ElementTree.ParseError):
        return ["failed"]
    return [_outcome(case) for case in cases]


def _outcome(case: ElementTree.Element) -> str:
    if case.find("failure") is not None or case.find("error") is not None:
        return "failed"
    return "skipped" if case.find("skipped") is not None else "passed"


def count(events: Path) -> dict[str, int]:
    """Counts the outcomes of every test target in the run."""
    targets: set[str] = set()
    # By target, shard and attempt: the last attempt of a shard is the one that counts.
    reports: dict[str, dict[int, list[str]]] = {}
    for line in events.read_text(encoding="utf-8").splitlines():
        event = json.loads(line)
        if "testSize" in event.get("configured", {}):
            targets.add(event["id"]["targetConfigured"]["label"])
        elif "testResult" in event:
            key = event["id"]["testResult"]
            outputs = event["testResult"].get("testActionOutput", [])
            files = [Path(unquote(urlparse(o["uri"]).path)) for o in outputs if o["name"] == "test.xml"]
            cases = [outcome for file in files for outcome in _outcomes(file)] or ["failed"]
            if event["testResult"]["status"] not in {"PASSED", "FLAKY"} and "failed" not in cases:
                cases.append("failed")
            reports.setdefault(key["label"], {})[key.get("shard", 1)] = cases
    outcomes = dict.fromkeys(("passed", "failed", "skipped"), 0)
    for target in targets:
        for cases in reports.get(target, {0: ["failed"]}).values():
            for outcome in cases:
                outcomes[outcome] += 1
    return outcomes


if __name__ == "__main__":
    print(", ".join(f"{number} {outcome}" for outcome, number in count(Path(sys.argv[1])).items()))
