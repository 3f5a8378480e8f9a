"""What ListFunctions and GetFunction ask for, the same on agents and the colony."""

from __future__ import annotations

import bisect
import difflib
import fnmatch
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

from coral._proto.colony.v1 import query_pb2 as pb
from coral.errors import NotFoundError, UsageError
from coral.limits import MAX_PAGE_SIZE
from coral.wire.page_tokens import decode_token, encode_token

_LONGEST_GLOB: Final = 1000
_SIMILAR: Final = 5
_COMPARED: Final = 2000  # names that difflib looks at; it is slow


class NamedFunction(Protocol):
    """A function as it is ordered and paged."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def file(self) -> str: ...  # noqa: D102
    @property
    def line(self) -> int: ...  # noqa: D102
    @property
    def binary(self) -> str: ...  # noqa: D102
    @property
    def offset(self) -> int: ...  # noqa: D102


F = TypeVar("F", bound=NamedFunction)
Key = tuple[str, str, int, str, int]


@dataclass(frozen=True)
class Asked:
    """A checked ListFunctionsRequest."""

    service: str
    size: int
    after: Key | None
    glob: re.Pattern[str] | None

    def matches(self, name: str) -> bool:
        """Whether a name is wanted."""
        return self.glob is None or self.glob.match(name) is not None

    def beyond(self, functions: Sequence[F]) -> Iterator[F]:
        """The functions after the page before; they are in order."""
        start = 0 if self.after is None else bisect.bisect_right(functions, self.after, key=key_of)
        for at in range(start, len(functions)):
            yield functions[at]


def asked(request: pb.ListFunctionsRequest) -> Asked:
    """Checks a request.

    Raises:
        UsageError: The service is empty, or a size, token or glob cannot be used.
    """
    if not request.service:
        raise UsageError("service is empty", hint="set service in the request")
    if not 0 <= request.page_size <= MAX_PAGE_SIZE:
        raise UsageError(f"page_size is {request.page_size}, expected 0 to {MAX_PAGE_SIZE}")
    if len(request.match) > _LONGEST_GLOB:
        raise UsageError(f"match has {len(request.match)} characters, expected at most {_LONGEST_GLOB}")
    after = decode_token(request.page_token, (str, str, int, str, int))
    return Asked(
        service=request.service,
        size=request.page_size or MAX_PAGE_SIZE,
        after=None if after is None else (after[0], after[1], after[2], after[3], after[4]),
        glob=re.compile(fnmatch.translate(request.match)) if request.match else None,
    )


def key_of(function: NamedFunction) -> Key:
    """What functions are ordered by."""
    return function.name, function.file, function.line, function.binary, function.offset


def next_token(last: NamedFunction) -> str:
    """The token of the page after this function."""
    return encode_key(key_of(last))


def encode_key(key: Key) -> str:
    """The token of the page after the function of this key."""
    return encode_token(*key)


def best_match(service: str, name: str, functions: Sequence[F]) -> F:
    """The function of a name: the exact one, else the only one that is named so without parameters.

    Raises:
        UsageError: The name is empty.
        NotFoundError: There is none, or several; the hint names similar ones.
    """
    if not name:
        raise UsageError("name is empty", hint="set name in the request")
    start = bisect.bisect_left(functions, name, key=lambda function: function.name)
    if start < len(functions) and functions[start].name == name:
        return functions[start]
    overloads: list[F] = []
    for at in range(start, len(functions)):
        if not functions[at].name.startswith(name):
            break
        if without_parameters(functions[at].name) == name:
            overloads.append(functions[at])
    if len({function.name for function in overloads}) == 1:
        return overloads[0]
    similar = [function.name for function in overloads[:_SIMILAR]] or _similar(name, functions)
    raise NotFoundError(
        f"{service} has {len(overloads) or 'no'} function{'s' if overloads else ''} named {name!r}",
        hint=f"similar: {', '.join(similar)}" if similar else "list them with `coral functions SERVICE`",
        fields={"service": service, "name": name},
    )


def without_parameters(name: str) -> str:
    """A C++ name without its parameters: `shop::Cart::add(int) const` is `shop::Cart::add`."""
    depth = 0
    for at in range(name.rfind(")"), -1, -1):
        depth += {")": 1, "(": -1}.get(name[at], 0)
        if depth == 0:
            return name[:at] or name
    return name


def _similar(name: str, functions: Sequence[F]) -> list[str]:
    tail = re.split(r"[.:]+", name.lower())[-1] or name.lower()
    holding = {function.name for function in functions if tail in function.name.lower()}
    if holding:
        return sorted(holding, key=lambda found: (len(found), found))[:_SIMILAR]
    lengths = range(len(name) // 2, len(name) * 2 + 1)
    compared = [function.name for function in functions if len(function.name) in lengths][:_COMPARED]
    return difflib.get_close_matches(name, compared, n=_SIMILAR)
