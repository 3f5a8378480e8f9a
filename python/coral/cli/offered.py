"""What a shell may be offered as completion: nothing that it would act on, nothing that steers its terminal.

A shell puts a completion into the line that is about to be run. Much of it comes from elsewhere: a script
names its parameters and their choices, a file names contexts and tokens. So only words of harmless characters
are offered, whoever made them; the shells' scripts quote them, too (`shells/`).
"""

from __future__ import annotations

import re
from typing import Any

from click.shell_completion import (
    CompletionItem,
    ShellComplete,
    add_completion_class,
    get_completion_class,
)

from coral.printing import visible

_MARKS = frozenset("_-./:=@%+,")
_MAX_WORD = 200
_OPTION = re.compile("--[^=]+=")


def harmless(word: str) -> bool:
    """Whether a word may be offered: letters, digits, marks that mean nothing to a shell, and inner spaces.

    >>> harmless("level=New York"), harmless("level=$(reboot)"), harmless("a;b")
    (True, False, False)
    """
    return (
        0 < len(word) <= _MAX_WORD
        and word == word.strip()
        and all(character.isalnum() or character in _MARKS or character == " " for character in word)
    )


def offered(items: list[CompletionItem[str]]) -> list[CompletionItem[str]]:
    """Returns the items that may be offered, their descriptions in one line each."""
    return [
        CompletionItem(item.value, item.type, visible(item.help) if item.help else item.help)
        for item in items
        if item.type != "plain" or harmless(item.value)
    ]


class _Offered(ShellComplete):
    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem[Any]]:
        option = _OPTION.match(incomplete)
        found = offered(super().get_completions(args, incomplete))
        if option is None:
            return found
        # click answers what comes after `--option=`; shells replace the whole word.
        return [
            CompletionItem(f"{option[0]}{item.value}", item.type, item.help) if item.type == "plain" else item
            for item in found
        ]


def register() -> None:
    """Makes click offer nothing else, in any shell that it knows."""
    for name in ("bash", "zsh", "fish", "powershell"):
        known = get_completion_class(name)
        if known is not None:
            add_completion_class(type(known.__name__, (_Offered, known), {}))
