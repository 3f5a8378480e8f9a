from __future__ import annotations

from pathlib import Path

import pytest

from coral.model.histogram import RELATIVE_ERROR
from coral.testing.accuracy import DISTRIBUTIONS, QUANTILES, measure


@pytest.mark.parametrize("seed", [1, 2])
def test_percentiles_are_right_wherever_they_come_from(tmp_path: Path, seed: int) -> None:
    found = list(measure(tmp_path, values=2000, agents=12, seed=seed))
    stages = {each.stage for each in found}
    assert stages == {
        "memory",
        "as they arrived",
        "sealed",
        "merged minutes",
        "rollups_15m",
        "rollups_1h",
        "rollups_1d",
        "memory and store",
    }
    assert len(found) == (len(stages) + 3) * len(DISTRIBUTIONS) * len(QUANTILES)
    worst = max(found, key=lambda each: each.error)
    assert worst.error <= RELATIVE_ERROR * 1.000001 < 0.01, worst
    # Merging changes nothing at all: the answers of all stages are the same numbers.
    by_question: dict[tuple[str, float], set[float]] = {}
    for each in found:
        by_question.setdefault((each.distribution, each.q), set()).add(each.found)
    assert all(len(answers) == 1 for answers in by_question.values()), by_question
