"""Parquet files put together by their bytes hold what they held, as two other readers see it."""

from __future__ import annotations

import random
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from coral.store.api import Segment
from coral.store.duckdb.concat import concatenated
from coral.store.duckdb.footer import direct_name, read_footer, segment_name
from coral.store.duckdb.segments import SegmentFolder
from coral.store.duckdb.splice import Layout, read_layout, splice
from coral.store.duckdb.tables import segmented_tables
from coral.store.duckdb.thrift import read_struct, write_struct
from tests.store.test_direct import span_rows


def write(path: Path, first: int, count: int, **options: object) -> Path:
    rows = pa.table(
        {
            "number": pa.array(range(first, first + count), pa.int64()),
            "word": pa.array([random.choice(("a", "b", None)) for _ in range(count)]).dictionary_encode(),
            "text": [f"text {number % 97} " * (number % 5) for number in range(count)],
            "list": pa.array([[number, 1] for number in range(count)], pa.list_(pa.int64())),
        }
    )
    pq.write_table(rows, path, **{"compression": "zstd", "store_schema": False, **options})
    return path


def layouts(*paths: Path) -> list[Layout]:
    found = [read_layout(path) for path in paths]
    assert None not in found
    return [layout for layout in found if layout is not None]


def spliced(folder: Path, *paths: Path) -> Path:
    target = folder / "spliced.parquet"
    with target.open("wb") as file:
        splice(file, layouts(*paths), {"coral": "it"})
    return target


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"row_group_size": 300},
        {"compression": "none", "use_dictionary": False},
        {"write_page_index": True},
        {"data_page_version": "2.0", "write_statistics": False},
        {"write_page_checksum": True},
    ],
)
def test_rows_statistics_and_metadata_are_those_of_the_files(
    tmp_path: Path, options: dict[str, object]
) -> None:
    paths = [write(tmp_path / f"{i}.parquet", 1000 * i, 1000 - 7 * i, **options) for i in range(5)]
    target = spliced(tmp_path, *paths)
    expected = pa.concat_tables([pq.read_table(path) for path in paths])
    assert pq.read_table(target).equals(expected)
    quoted = [str(path) for path in paths]
    connection = duckdb.connect()
    sql = "SELECT count(*), sum(number), bit_xor(hash(r)), count(word) FROM read_parquet(?) r"
    assert connection.execute(sql, [[str(target)]]).fetchall() == connection.execute(sql, [quoted]).fetchall()
    # A condition that leaves row groups out by their statistics.
    sql = "SELECT count(*) FROM read_parquet(?) WHERE number BETWEEN 2990 AND 3010"
    assert connection.execute(sql, [[str(target)]]).fetchall() == connection.execute(sql, [quoted]).fetchall()
    metadata = pq.read_metadata(target)
    assert metadata.metadata == {b"coral": b"it"}
    assert metadata.num_row_groups == sum(pq.read_metadata(path).num_row_groups for path in paths)


def test_what_is_spliced_can_be_spliced_again(tmp_path: Path) -> None:
    paths = [write(tmp_path / f"{i}.parquet", 100 * i, 100) for i in range(3)]
    first = spliced(tmp_path, *paths).rename(tmp_path / "first.parquet")
    again = spliced(tmp_path, first, paths[0])
    assert pq.read_table(again).equals(pa.concat_tables([pq.read_table(first), pq.read_table(paths[0])]))


def test_a_footer_is_written_as_it_was_read(tmp_path: Path) -> None:
    path = write(tmp_path / "one.parquet", 0, 500, row_group_size=50)
    duckdb.connect().execute(f"COPY (FROM '{path}') TO '{tmp_path}/two.parquet' (FORMAT parquet)")
    for one in (path, tmp_path / "two.parquet"):
        data = one.read_bytes()
        size = int.from_bytes(data[-8:-4], "little")
        footer = data[-8 - size : -8]
        assert write_struct(read_struct(footer)) == footer


def test_damaged_files_are_told(tmp_path: Path) -> None:
    data = write(tmp_path / "whole.parquet", 0, 300).read_bytes()
    numbers = random.Random(3)
    bad = tmp_path / "bad.parquet"
    told = 0
    for _ in range(400):
        at = numbers.randrange(len(data) - 900, len(data))
        change = bytearray(data)
        change[at] ^= 1 << numbers.randrange(8)
        bad.write_bytes(bytes(change[: numbers.choice((len(data), at))]))
        try:
            read_layout(bad)
        except ValueError:
            told += 1
    assert told > 100


def test_small_row_groups_are_written_anew(tmp_path: Path) -> None:
    folder = SegmentFolder(tmp_path / "segments")
    (table,) = [one for one in segmented_tables("agent") if one.name == "spans"]
    segments = [segment(folder, number, 1_000, direct=True) for number in range(1, 9)]
    merged = concatenated(folder, table, segments, created_at=segments[0].created_at)
    assert merged is not None
    metadata = pq.read_metadata(merged.path)
    assert (metadata.num_rows, metadata.num_row_groups) == (8_000, 1)


def segment(folder: SegmentFolder, number: int, rows: int, *, direct: bool) -> Segment:
    name = direct_name("spans", number) if direct else segment_name("spans", number, number)
    table = span_rows(1_000_000 * number, rows)
    for column, value in (("ingest_seq", number), ("agent_id", "a1"), ("sample_weight", 1.0)):
        table = table.append_column(column, pa.array([value] * rows))
    if direct:
        pq.write_table(table, folder.root / name, compression="zstd", store_schema=False)
    else:
        # Other columns first, as a seal writes them.
        connection = duckdb.connect()
        connection.register("sealed", table.select(sorted(table.column_names)))
        connection.execute(f"COPY (FROM sealed) TO '{folder.root / name}' (FORMAT parquet)")
    times = table.column("start_time").to_pylist()
    return Segment(folder.root / name, "spans", number, number, rows, 0, min(times), max(times), max(times))


@pytest.mark.parametrize("sealed_rows", [0, 50, 30_000])
def test_large_row_groups_are_copied_and_the_rest_is_written_anew(tmp_path: Path, sealed_rows: int) -> None:
    folder = SegmentFolder(tmp_path / "segments")
    (table,) = [one for one in segmented_tables("agent") if one.name == "spans"]
    segments = [segment(folder, number, 5_000, direct=True) for number in range(1, 5)]
    if sealed_rows:
        segments.append(segment(folder, 9, sealed_rows, direct=False))
    merged = concatenated(folder, table, segments, created_at=segments[0].created_at)
    assert merged is not None
    expected = 20_000 + sealed_rows
    assert merged.row_count == expected
    assert read_footer(merged.path, table).segment.row_count == expected
    sizes = [pq.read_metadata(merged.path).row_group(i).num_rows for i in range(4)]
    assert sizes == [5_000] * 4
    connection = duckdb.connect()
    columns = ", ".join(pq.read_schema(segments[0].path).names)
    sql = f"SELECT count(*), bit_xor(hash(r)) FROM (SELECT {columns} FROM read_parquet(?, union_by_name=true)) r"
    found = connection.execute(sql, [[str(merged.path)]]).fetchall()
    assert found == connection.execute(sql, [[str(one.path) for one in segments]]).fetchall()
    assert not list(folder.root.glob(".*"))
