"""Finds the example scripts: in the wheel beside the code, in a checkout under `typescript/`."""

from __future__ import annotations

from pathlib import Path

import coral
from coral.errors import NotFoundError

LATENCY_REPORT = "latency-report.ts"
"""The report that the demo runs."""


def example(name: str) -> Path:
    """The path of an example script.

    Raises:
        NotFoundError: Neither the wheel's folder nor the checkout has it.
    """
    package = Path(coral.__file__).absolute().parent
    places = (package / "_examples", package.parent.parent / "typescript" / "examples")
    for place in places:
        if (place / name).is_file():
            return place / name
    looked = " and ".join(str(place) for place in places)
    raise NotFoundError(f"the example {name} is in neither of {looked}", hint="install Coral again")
