"""Limits of a script that are sizes.

Memory: `--memory 1g`, else `CORAL_MEMORY`, else 512 MiB (R81). Output: `CORAL_OUTPUT`, else 32 MiB.
"""

from __future__ import annotations

import os

from coral.config.sizes import size_of
from coral.errors import ConfigError, UsageError
from coral.script_limits import MIN_SCRIPT_MEMORY_BYTES, SCRIPT_MEMORY_BYTES, SCRIPT_OUTPUT_BYTES

_HINT = "write a size such as 512m or 2g"


def memory_limit(flag: str | None) -> int:
    """Returns the limit in bytes.

    Args:
        flag: The value of `--memory`.

    Raises:
        UsageError: The flag is no size.
        ConfigError: The environment variable is none.
    """
    if flag is not None:
        return parse_memory(flag)
    text = os.environ.get("CORAL_MEMORY")
    if not text:
        return SCRIPT_MEMORY_BYTES
    try:
        return parse_memory(text)
    except UsageError as error:
        raise ConfigError(f"environment variable CORAL_MEMORY: {error.message}", hint=error.hint) from None


def output_limit() -> int:
    """Returns how many bytes a script may print.

    Raises:
        ConfigError: The environment variable is no size.
    """
    text = os.environ.get("CORAL_OUTPUT")
    if not text:
        return SCRIPT_OUTPUT_BYTES
    size = size_of(text)
    if size is None:
        raise ConfigError(f"environment variable CORAL_OUTPUT: {text!r} is no size of output", hint=_HINT)
    return size


def parse_memory(text: str) -> int:
    """Parses a size.

    Raises:
        UsageError: It is none, or too small for Deno to start.

    >>> parse_memory("512m"), parse_memory("1GiB")
    (536870912, 1073741824)
    """
    size = size_of(text)
    if size is None:
        raise UsageError(f"{text!r} is no size of memory", hint=_HINT)
    if size < MIN_SCRIPT_MEMORY_BYTES:
        raise UsageError(
            f"{text} of memory is too little, expected at least {MIN_SCRIPT_MEMORY_BYTES >> 20}m", hint=_HINT
        )
    return size
