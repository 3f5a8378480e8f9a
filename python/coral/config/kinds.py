"""The kinds of values that settings have: how each is written, checked and shown."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from coral.config.address import parse_address
from coral.errors import CoralError
from coral.model.durations import format_duration_ns, parse_duration_ns
from coral.model.redaction import DEFAULT_NAMES, check_names

OFF: Final = "off"
"""How a service that need not run is switched off."""

DEFAULT: Final = "default"
"""In a list of names: those that hold where nothing is configured."""

_BYTES: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]i?)?B?", re.IGNORECASE)
_FACTORS: Final = {
    "": 1,
    **{letter: 1000**power for power, letter in enumerate("kmgt", start=1)},
    **{f"{letter}i": 1024**power for power, letter in enumerate("kmgt", start=1)},
}


class Kind(Protocol):
    """One kind of value. Errors are `ValueError` with a message that goes behind the key's name."""

    @property
    def metavar(self) -> str:
        """One word for a value in a command's help, for example `HOST:PORT`."""
        ...

    def describe(self) -> str:
        """How a value is written, for documentation and help."""
        ...

    def parse(self, raw: object, *, folder: Path) -> object:
        """Checks a value as YAML gives it; text from flags and the environment comes as `str`.

        Args:
            raw: The value.
            folder: What relative paths are relative to.

        Raises:
            ValueError: It is of another type or out of range.
        """
        ...

    def show(self, value: object) -> object:
        """A checked value as YAML and JSON show it; parsing that gives the value again."""
        ...


@dataclass(frozen=True)
class Text:
    """Characters.

    Attributes:
        longest: How many at most; at least one.
    """

    longest: int = 4096

    @property
    def metavar(self) -> str:  # noqa: D102 (as the protocol says, here and below)
        return "TEXT"

    def describe(self) -> str:  # noqa: D102
        return f"text, 1 to {self.longest} characters"

    def parse(self, raw: object, *, folder: Path) -> str:  # noqa: D102
        if not isinstance(raw, str):
            raise ValueError(f"is {raw!r}, expected text; put it in quotes")
        if not 1 <= len(raw) <= self.longest:
            raise ValueError(f"has {len(raw)} characters, expected 1 to {self.longest}")
        return raw

    def show(self, value: object) -> object:  # noqa: D102
        return value


@dataclass(frozen=True)
class Address:
    """`HOST:PORT`.

    Attributes:
        listen: Whether it is listened on, so that port 0 picks a free one.
        may_be_off: Whether `off` is allowed, which is None.
    """

    listen: bool = False
    may_be_off: bool = False

    @property
    def metavar(self) -> str:  # noqa: D102
        return "HOST:PORT"

    def describe(self) -> str:  # noqa: D102
        extra = (", port 0 picks a free one" if self.listen else "") + (
            f", or `{OFF}`" if self.may_be_off else ""
        )
        return f"HOST:PORT{extra}"

    def parse(self, raw: object, *, folder: Path) -> str | None:  # noqa: D102
        # YAML 1.1 reads a bare `off` as false.
        if self.may_be_off and (raw is False or raw == OFF):
            return None
        if not isinstance(raw, str):
            raise ValueError(f'is {raw!r}, expected {self.describe()}; for example "127.0.0.1:4000"')
        text = raw.strip()
        host, _, port = text.rpartition(":")
        try:
            parse_address(f"{host}:1" if self.listen and port == "0" else text)
        except CoralError as error:
            raise ValueError(f"cannot be used: {error.message}; {error.hint}") from None
        return text

    def show(self, value: object) -> object:  # noqa: D102
        return OFF if value is None and self.may_be_off else value


@dataclass(frozen=True)
class Duration:
    """A time span; the value is in seconds.

    Attributes:
        least: The shortest allowed, as text.
        most: The longest allowed, as text.
    """

    least: str = "10ms"
    most: str = "36500d"

    @property
    def metavar(self) -> str:  # noqa: D102
        return "DURATION"

    def describe(self) -> str:  # noqa: D102
        return f"duration, {self.least} to {self.most}"

    def parse(self, raw: object, *, folder: Path) -> float:  # noqa: D102
        if not isinstance(raw, str):
            raise ValueError(f'is {raw!r}, expected a duration with a unit, for example "30s" or "7d"')
        try:
            nanoseconds = parse_duration_ns(raw)
        except CoralError as error:
            raise ValueError(f"cannot be used: {error.message}; {error.hint}") from None
        if not parse_duration_ns(self.least) <= nanoseconds <= parse_duration_ns(self.most):
            raise ValueError(f"is {raw}, expected {self.least} to {self.most}")
        return nanoseconds / 1e9

    def show(self, value: object) -> object:  # noqa: D102
        return format_duration_ns(round(float(str(value)) * 1e9))


@dataclass(frozen=True)
class ByteCount:
    """A size in bytes, as a number or with a unit.

    Attributes:
        least: The smallest allowed, bytes.
        most: The largest allowed, bytes; None is no limit.
    """

    least: int = 0
    most: int | None = None

    @property
    def metavar(self) -> str:  # noqa: D102
        return "BYTES"

    def describe(self) -> str:  # noqa: D102
        most = "" if self.most is None else f", at most {self.most}"
        return f'bytes, as a number or like "512MiB", at least {self.least}{most}'

    def parse(self, raw: object, *, folder: Path) -> int:  # noqa: D102
        if isinstance(raw, bool) or not isinstance(raw, (int, str)):
            raise ValueError(f'is {raw!r}, expected bytes, for example 1073741824 or "1GiB"')
        if isinstance(raw, str):
            match = _BYTES.fullmatch(raw.strip())
            if match is None:
                raise ValueError(f'is {raw!r}, expected bytes, for example 1073741824 or "1GiB"')
            raw = int(float(match[1]) * _FACTORS[(match[2] or "").lower()])
        if raw < self.least:
            raise ValueError(f"is {raw} bytes, expected at least {self.least}")
        if self.most is not None and raw > self.most:
            raise ValueError(f"is {raw} bytes, expected at most {self.most}")
        return raw

    def show(self, value: object) -> object:  # noqa: D102
        return value


@dataclass(frozen=True)
class Integer:
    """A whole number within limits, both included."""

    least: int
    most: int

    @property
    def metavar(self) -> str:  # noqa: D102
        return "NUMBER"

    def describe(self) -> str:  # noqa: D102
        return f"whole number, {self.least} to {self.most}"

    def parse(self, raw: object, *, folder: Path) -> int:  # noqa: D102
        if isinstance(raw, str) and re.fullmatch(r"[+-]?\d+", raw):
            raw = int(raw)
        if isinstance(raw, bool) or not isinstance(raw, int):
            raise ValueError(f"is {raw!r}, expected a {self.describe()}")
        if not self.least <= raw <= self.most:
            raise ValueError(f"is {raw}, expected {self.least} to {self.most}")
        return raw

    def show(self, value: object) -> object:  # noqa: D102
        return value


@dataclass(frozen=True)
class Switch:
    """Yes or no."""

    @property
    def metavar(self) -> str:  # noqa: D102
        return "true|false"

    def describe(self) -> str:  # noqa: D102
        return "true or false"

    def parse(self, raw: object, *, folder: Path) -> bool:  # noqa: D102
        if isinstance(raw, str) and raw.lower() in ("true", "false"):
            raw = raw.lower() == "true"
        if not isinstance(raw, bool):
            raise ValueError(f"is {raw!r}, expected true or false")
        return raw

    def show(self, value: object) -> object:  # noqa: D102
        return value


@dataclass(frozen=True)
class Choice:
    """One of some words."""

    words: tuple[str, ...]

    @property
    def metavar(self) -> str:  # noqa: D102
        return "|".join(self.words)

    def describe(self) -> str:  # noqa: D102
        return " or ".join(f"`{word}`" for word in self.words)

    def parse(self, raw: object, *, folder: Path) -> str:  # noqa: D102
        if raw not in self.words:
            raise ValueError(f"is {raw!r}, expected one of {', '.join(self.words)}")
        return str(raw)

    def show(self, value: object) -> object:  # noqa: D102
        return value


@dataclass(frozen=True)
class FilePath:
    """A path. `~` is the home directory; in a file, relative paths start at the file's folder.

    Attributes:
        word: A word that is allowed in its place, or None.
    """

    word: str | None = None

    @property
    def metavar(self) -> str:  # noqa: D102
        return "PATH"

    def describe(self) -> str:  # noqa: D102
        return "path" if self.word is None else f"path, or `{self.word}`"

    def parse(self, raw: object, *, folder: Path) -> Path | str:  # noqa: D102
        if self.word is not None and raw == self.word:
            return self.word
        if not isinstance(raw, str) or not raw:
            raise ValueError(f"is {raw!r}, expected a path")
        return Path(os.path.normpath(folder / Path(raw).expanduser()))

    def show(self, value: object) -> object:  # noqa: D102
        return str(value)


@dataclass(frozen=True)
class TextMap:
    """Names with text; from the environment `K=V,K=V`.

    Attributes:
        of: What the values are, for people.
    """

    of: str

    @property
    def metavar(self) -> str:  # noqa: D102
        return "K=V"

    def describe(self) -> str:  # noqa: D102
        return f"mapping of names to {self.of}"

    def parse(self, raw: object, *, folder: Path) -> dict[str, str]:  # noqa: D102
        if isinstance(raw, str) and "=" in raw:
            pairs = [pair.partition("=") for pair in raw.split(",")]
            raw = {name.strip(): value.strip() for name, _, value in pairs}
        if not isinstance(raw, Mapping):
            raise ValueError(f"is {raw!r}, expected a {self.describe()}")
        for name, value in raw.items():
            if not isinstance(name, str) or not name:
                raise ValueError(f"has the name {name!r}, expected text")
            if isinstance(value, bool) or not isinstance(value, (str, int)):
                raise ValueError(f"has {value!r} for {name!r}, expected text; put it in quotes")
        return {name: str(value) for name, value in raw.items()}

    def show(self, value: object) -> object:  # noqa: D102
        return value


@dataclass(frozen=True)
class Redacted:
    """Names whose values are taken out, or `off`; from a flag or the environment with commas between them."""

    @property
    def metavar(self) -> str:  # noqa: D102
        return "NAMES"

    def describe(self) -> str:  # noqa: D102
        return f"list of names with `*`, `{DEFAULT}` for those of the default, or `{OFF}`"

    def parse(self, raw: object, *, folder: Path) -> tuple[str, ...]:  # noqa: D102
        if raw is False or raw == OFF:  # YAML 1.1 reads a bare `off` as false
            return ()
        if isinstance(raw, str):
            raw = [name.strip() for name in raw.split(",")]
        if not isinstance(raw, (list, tuple)) or not raw:
            raise ValueError(f"is {raw!r}, expected a {self.describe()}")
        return check_names(name for item in raw for name in (DEFAULT_NAMES if item == DEFAULT else (item,)))

    def show(self, value: object) -> object:  # noqa: D102
        return list(value) if isinstance(value, tuple) and value else OFF


@dataclass(frozen=True)
class Targets:
    """Services with where each one's program is: its file, process id or listening port."""

    @property
    def metavar(self) -> str:  # noqa: D102
        return "K=V"

    def describe(self) -> str:  # noqa: D102
        return "mapping of services to a path, `pid:NUMBER` or `port:NUMBER`"

    def parse(self, raw: object, *, folder: Path) -> dict[str, str]:  # noqa: D102
        if not isinstance(raw, Mapping):
            raise ValueError(f"is {raw!r}, expected a {self.describe()}")
        found = {}
        for name, value in raw.items():
            if not isinstance(name, str) or not name:
                raise ValueError(f"has the service {name!r}, expected text")
            found[name] = _target(name, value, folder)
        return found

    def show(self, value: object) -> object:  # noqa: D102
        return value


def _target(service: str, value: object, folder: Path) -> str:
    expected = "expected a path, pid:NUMBER or port:NUMBER"
    if not isinstance(value, str) or not value:
        raise ValueError(f"has {value!r} for {service!r}, {expected}")
    word, colon, number = value.partition(":")
    if colon and word in ("pid", "port"):
        if not number.isdigit() or int(number) == 0 or (word == "port" and int(number) > 65535):
            raise ValueError(f"has {value!r} for {service!r}, {expected}")
        return value
    return os.path.normpath(folder / Path(value).expanduser())
