"""The list of segments, made again from the files alone.

Used when the database that held it is lost. Each row must be counted once: a merged file and those it
was merged from may both be there, because originals stay for a while after a merge, and because a
crash may have come before the merge was listed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from coral.store.api import Segment
from coral.store.duckdb.footer import Footer, read_footer, table_of
from coral.store.duckdb.tables import SegmentedTable


@dataclass(frozen=True)
class Found:
    """What is in a segments folder.

    Attributes:
        segments: Those that together hold each row once, by table and sequence.
        damaged: Files that cannot be read, and why.
    """

    segments: list[Segment]
    damaged: dict[Path, str]


def find_segments(root: Path, tables: Iterable[SegmentedTable]) -> Found:
    """Reads all files of a folder. Files of tables that are not asked for are left alone.

    Raises:
        OSError: The folder cannot be read.
    """
    by_name = {table.name: table for table in tables}
    footers: dict[str, Footer] = {}
    damaged: dict[Path, str] = {}
    for path in sorted(root.glob("*.parquet")):
        table = by_name.get(table_of(path) or "")
        if table is None:
            continue
        try:
            footers[path.name] = read_footer(path, table)
        except (ValueError, KeyError, TypeError) as error:
            damaged[path] = str(error)
    chosen = _without_replaced(footers)
    chosen = _without_contained(chosen)
    segments = sorted(
        (footer.segment for footer in chosen), key=lambda s: (s.table, s.first_seq, s.path.name)
    )
    return Found(segments, damaged)


def _without_replaced(footers: dict[str, Footer]) -> list[Footer]:
    """Drops the originals of replacements that are complete, and replacements that are not.

    A replacement may have been listed if all its files are there, or were replaced in their turn by a
    file that is. If some are missing while an original is there, it was cut short by a crash. If no
    original is there any more, they were deleted, which happens after the replacement was listed only.
    """
    replaced = {name for footer in footers.values() for name in footer.replaces}
    gone: set[str] = set()
    for name, footer in footers.items():
        complete = all(output in footers or output in replaced for output in footer.outputs)
        if footer.replaces and not complete and any(original in footers for original in footer.replaces):
            gone.add(name)
    kept = {name: footer for name, footer in footers.items() if name not in gone}
    replaced = {name for footer in kept.values() for name in footer.replaces}
    return [footer for name, footer in kept.items() if name not in replaced]


def _without_contained(footers: list[Footer]) -> list[Footer]:
    """Drops originals of merges of an older version, whose files do not name what they replace.

    Its seals and merges make ranges of sequences that are disjoint or contain each other.
    """

    def inside(inner: Segment, outer: Segment) -> bool:
        return (
            inner.table == outer.table
            and outer.first_seq <= inner.first_seq
            and inner.last_seq <= outer.last_seq
            and (inner.row_count, inner.path.name) < (outer.row_count, outer.path.name)
        )

    old = [footer.segment for footer in footers if not footer.described]
    return [
        footer
        for footer in footers
        if footer.described or not any(inside(footer.segment, outer) for outer in old)
    ]
