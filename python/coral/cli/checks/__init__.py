"""What `coral doctor` looks at, one module a subject; each answers `Finding`s and raises nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Finding:
    """What was found about one thing.

    Attributes:
        name: The thing, one word or a few.
        state: `ok`; `note`: works, but something is missing that a user may want; `problem`: does not work.
        detail: What was found.
        hint: What to do about it, or None.
    """

    name: str
    state: Literal["ok", "note", "problem"]
    detail: str
    hint: str | None = None
