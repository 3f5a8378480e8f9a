#!/usr/bin/env python3
"""Says where the time of one Bazel run went: `where_time_goes.py EVENTS`, a --build_event_json_file.

What was before the first test (fetching and building), and the tests that took longest; those that run beside
one another count each. A test that came from the cache took nothing.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

LONGEST = 12


def report(events: Path) -> list[str]:
    """The lines of the report; none where there was no test."""
    started = finished = 0
    first = None
    milliseconds: Counter[str] = Counter()
    for line in events.read_text(encoding="utf-8").splitlines():
        event = json.loads(line)
        if "started" in event:
            started = int(event["started"]["startTimeMillis"])
        elif "finished" in event:
            finished = int(event["finished"]["finishTimeMillis"])
        elif "testResult" in event:
            result = event["testResult"]
            if result.get("cachedLocally") or result.get("executionInfo", {}).get("cachedRemotely"):
                continue
            begun = int(result.get("testAttemptStartMillisEpoch", 0))
            first = begun if first is None else min(first, begun)
            label = event["id"]["testResult"]["label"]
            milliseconds[label] += int(result.get("testAttemptDurationMillis", 0))
    if first is None:
        return []
    whole, before = (finished - started) / 1000, (first - started) / 1000
    tests = sum(milliseconds.values()) / 1000
    lines = [
        f"{whole:6.0f} s  the whole run",
        f"{before:6.0f} s  before the first test: fetching, building",
        f"{tests:6.0f} s  in tests, {tests / max(whole - before, 1):.1f} at a time; of them:",
    ]
    return lines + [f"{took / 1000:6.0f} s    {label}" for label, took in milliseconds.most_common(LONGEST)]


if __name__ == "__main__":
    print("\n".join(report(Path(sys.argv[1]))))
