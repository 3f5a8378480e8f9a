"""`python -m coral.runner.containment` prints which layers hold on this machine, as JSON."""

from __future__ import annotations

import dataclasses
import json
import sys

from coral.errors import CoralError
from coral.runner.containment.report import report


def main() -> int:
    """Prints the report."""
    try:
        layers = report()
    except CoralError as error:
        print(f"error: {error.message}\nhint: {error.hint}", file=sys.stderr)
        return error.exit_code
    print(json.dumps([dataclasses.asdict(layer) for layer in layers], indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
