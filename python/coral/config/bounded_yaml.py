"""YAML that anybody may have written, into plain values: bounded nesting, harmless aliases, and one error.

PyYAML composes and constructs by recursion, so that deep nesting ends in RecursionError or takes minutes. An
alias (`*name`) costs nothing until the value is merged or written: then ten lines can become gigabytes. Some
texts make it raise what is no YAMLError, such as `2001-99-99` or `!!bool x`.
"""

from __future__ import annotations

from typing import Any, Final

import yaml

MAX_NESTING: Final = 32
"""Levels of lists and mappings in a configuration file; the deepest that Coral knows has four."""

_MOST_DIGITS: Final = 100
_ALIAS_CHARACTERS: Final = 65_536
_NUMBERS: Final = frozenset(f"tag:yaml.org,2002:{name}" for name in ("int", "float", "timestamp"))
_UNEXPECTED: Final = (ValueError, ArithmeticError, LookupError, AttributeError, TypeError, RecursionError)


class YamlProblem(ValueError):
    """Why a text cannot be used.

    Attributes:
        reason: What is wrong with it.
        line: Where, from 1; None where that is not known.
        is_syntax: Whether it is no YAML; else it is beyond a limit.
    """

    def __init__(self, reason: str, line: int | None, *, is_syntax: bool = True) -> None:
        super().__init__(reason if line is None else f"line {line}: {reason}")
        self.reason = reason
        self.line = line
        self.is_syntax = is_syntax


class BoundedYaml:
    """One document.

    Attributes:
        root: Its node, or None where there is none.
    """

    def __init__(self, text: str, *, nesting: int = MAX_NESTING) -> None:
        """Composes the document.

        Args:
            text: The document. What its aliases stand for may together be as long as it is, or 65,536
                characters.
            nesting: How many levels it may have, aliases counted as what they stand for.

        Raises:
            YamlProblem: It cannot be used.
        """
        try:
            self._loader = _Loader(text, nesting)  # refuses control characters
            self.root: Any = self._loader.get_single_node()
        except (yaml.YAMLError, *_UNEXPECTED) as error:
            raise _problem(error) from None

    def value(self, node: Any) -> Any:
        """Returns what a node of the document stands for.

        Raises:
            YamlProblem: It stands for nothing.
        """
        try:
            return self._loader.construct_document(node)
        except (yaml.YAMLError, *_UNEXPECTED) as error:
            raise _problem(error) from None


def load_yaml(text: str, *, nesting: int = MAX_NESTING) -> Any:
    """Returns the value of a document.

    Args:
        text: The document.
        nesting: How many levels it may have.

    Raises:
        YamlProblem: It cannot be used.
    """
    document = BoundedYaml(text, nesting=nesting)
    return None if document.root is None else document.value(document.root)


class _LimitError(yaml.MarkedYAMLError):
    """A document is beyond a limit."""


class _Loader(yaml.SafeLoader):
    def __init__(self, text: str, nesting: int) -> None:
        super().__init__(text)
        self._nesting = nesting
        self._most = self._room = max(len(text), _ALIAS_CHARACTERS)
        self._level = 0
        self._deepest = 0  # level of what was composed last, and in it
        self._anchors: dict[str, tuple[int, int]] = {}  # characters and levels of each that is complete

    def compose_node(self, parent: Any, index: Any) -> Any:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent):
            self._count_alias(event)
            return super().compose_node(parent, index)
        if not isinstance(event, yaml.ScalarEvent):
            self._require_level(self._level + 1, event)
        above, room = self._deepest, self._room
        self._level += not isinstance(event, yaml.ScalarEvent)
        self._deepest = self._level
        node: Any = super().compose_node(parent, index)
        self._level -= not isinstance(event, yaml.ScalarEvent)
        if event.anchor is not None:
            own = node.end_mark.index - node.start_mark.index + 1
            self._anchors[event.anchor] = (own + room - self._room, self._deepest - self._level)
        self._deepest = max(above, self._deepest)
        return node

    def _count_alias(self, event: Any) -> None:
        if event.anchor not in self.anchors:
            return  # PyYAML says so
        if event.anchor not in self._anchors:
            raise _LimitError(
                problem=f"the alias *{event.anchor} stands for itself", problem_mark=event.start_mark
            )
        characters, levels = self._anchors[event.anchor]
        self._require_level(self._level + levels, event)
        self._deepest = max(self._deepest, self._level + levels)
        self._room -= characters
        if self._room < 0:
            raise _LimitError(
                problem=f"its aliases (*name) stand for more than {self._most} characters together",
                problem_mark=event.start_mark,
            )

    def _require_level(self, level: int, event: Any) -> None:
        if level > self._nesting:
            raise _LimitError(
                problem=f"nested deeper than {self._nesting} levels", problem_mark=event.start_mark
            )

    def construct_object(self, node: Any, deep: bool = False) -> Any:
        if node.tag in _NUMBERS and len(node.value) > _MOST_DIGITS:
            raise _at(node, f"a number of {len(node.value)} characters, expected at most {_MOST_DIGITS}")
        try:
            return super().construct_object(node, deep)
        except RecursionError:
            raise
        except _UNEXPECTED as error:
            kind = node.tag.rpartition(":")[2]
            why = f" ({error})" if type(error) is ValueError else ""
            raise _at(node, f"a value that looks like {kind} and is none{why}") from None


def _at(node: Any, problem: str) -> yaml.YAMLError:
    return yaml.constructor.ConstructorError(problem=problem, problem_mark=node.start_mark)


def _problem(error: Exception) -> YamlProblem:
    if isinstance(error, RecursionError):
        return YamlProblem("nested too deep", None, is_syntax=False)
    if not isinstance(error, yaml.MarkedYAMLError):
        return YamlProblem(" ".join(str(error).split()), None)
    reason = " ".join(part for part in (error.context, error.problem) if part)
    line = None if error.problem_mark is None else error.problem_mark.line + 1
    return YamlProblem(reason, line, is_syntax=not isinstance(error, _LimitError))
