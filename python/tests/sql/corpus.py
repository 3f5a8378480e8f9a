"""Statements in files: one a line, further lines of it indented, in sections that a comment names."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent


def statements(name: str) -> list[tuple[str, str]]:
    """Section and text of each statement of a file."""
    section = ""
    found: list[tuple[str, str]] = []
    for line in (FOLDER / name).read_text(encoding="utf-8").splitlines():
        if line.startswith("-- section: "):
            section = line.removeprefix("-- section: ")
        elif line.startswith("  "):
            found[-1] = (section, f"{found[-1][1]}\n{line}")
        else:
            found.append((section, line))
    return found
