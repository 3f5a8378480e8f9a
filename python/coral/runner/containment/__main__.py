"""`python -m coral.runner.containment` prints which layers hold on this machine, as JSON."""

from __future__ import annotations

import dataclasses
import json
import sys

from coral.errors import CoralError
from coral.printing import emit, tell_text
from coral.runner.containment.report import report


def main() -> int:
    """Prints the report."""
    try:
        layers = report()
    except CoralError as error:
        tell_text(f"error: {error.message}\nhint: {error.hint}")
        return error.exit_code
    emit(json.dumps([dataclasses.asdict(layer) for layer in layers], indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
