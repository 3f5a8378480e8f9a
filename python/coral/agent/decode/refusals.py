"""What of one request is refused or changed, and the sentence that tells the client."""

from __future__ import annotations

from typing import Final

_MAX_REASONS: Final = 5
_MAX_NAME_SHOWN: Final = 100


def shown(name: str) -> str:
    """A client's name for a message: quoted, and cut where it is long."""
    return repr(name if len(name) <= _MAX_NAME_SHOWN else name[:_MAX_NAME_SHOWN] + "…")


class Refusals:
    """Counts refused items and keeps the first few different reasons."""

    def __init__(self) -> None:
        self.count = 0
        self._reasons: dict[str, None] = {}
        self._more = False

    def refuse(self, reason: str, count: int = 1) -> None:
        """Counts `count` items as refused for one reason."""
        self.count += count
        self.warn(reason)

    def warn(self, reason: str) -> None:
        """Tells something about items that are kept."""
        if len(self._reasons) < _MAX_REASONS:
            self._reasons[reason] = None
        elif reason not in self._reasons:
            self._more = True

    @property
    def reason(self) -> str:
        """The sentence for `partial_success`; empty when there is nothing to tell."""
        return "; ".join(self._reasons) + ("; and more" if self._more else "")
