"""Whether output is coloured, of a script and Coral's own lines alike: one rule.

`--color` goes first, which is `CORAL_RUN_COLOR` too; then `NO_COLOR` and a terminal that is `dumb` switch
colours off; else they are where a terminal is.
"""

import os

CHOICES = {"always": True, "never": False, "auto": None}
"""What `--color` takes, and what it means: None is to decide by the terminal."""

_OPTION = "--color"
_chosen: "bool | None" = None


def choose(choice: "bool | None") -> None:
    """Keeps what `--color` says, for all lines that follow."""
    global _chosen
    _chosen = choice


def choose_as_typed(words: "list[str]") -> None:
    """Does so for a command line that may be wrong in other places: its errors are coloured likewise.

    Args:
        words: What stands after `coral run`, up to `--`.
    """
    said = os.environ.get("CORAL_RUN_COLOR", "")
    for place, word in enumerate(words):
        if word == _OPTION:
            said = "".join(words[place + 1 : place + 2])
        elif word.startswith(f"{_OPTION}="):
            said = word.partition("=")[2]
    choose(CHOICES.get(said))


def coloured(*descriptors: int) -> bool:
    """Says whether what goes to these descriptors is coloured: all of them have to be terminals."""
    if _chosen is not None:
        return _chosen
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return all(os.isatty(descriptor) for descriptor in descriptors)
