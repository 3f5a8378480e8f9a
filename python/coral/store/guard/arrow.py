"""Arrow batches as clients read them: each stands alone, and no type loses digits on the way."""

from __future__ import annotations

import re
from typing import Final

import duckdb
import pyarrow as pa

_AS_TEXT: Final = re.compile(r"\b(UHUGEINT|BIGNUM|TIME WITH TIME ZONE|VARIANT|GEOMETRY|TIMESTAMPTZ_NS)\b")


def readable(relation: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """The relation with columns as text whose type Arrow would lose, such as UHUGEINT."""
    kinds = [str(kind) for kind in relation.types]
    names = relation.columns
    if len(set(names)) < len(names) or not any(map(_AS_TEXT.search, kinds)):
        return relation
    quoted = ['"' + name.replace('"', '""') + '"' for name in names]
    return relation.project(
        ", ".join(
            f"CAST({name} AS VARCHAR) AS {name}" if _AS_TEXT.search(kind) else name
            for name, kind in zip(quoted, kinds, strict=True)
        )
    )


def plain_schema(schema: pa.Schema) -> pa.Schema:
    """The schema with dictionaries (ENUM) as their values, so that each batch stands alone."""
    return pa.schema([field.with_type(_plain(field.type)) for field in schema])


def plain_batch(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """The batch in the schema of `plain_schema`."""
    return batch if batch.schema == schema else batch.cast(schema)


def _plain(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_dictionary(kind):
        return kind.value_type
    if pa.types.is_list(kind):
        return pa.list_(kind.value_field.with_type(_plain(kind.value_type)))
    if pa.types.is_struct(kind):
        return pa.struct([field.with_type(_plain(field.type)) for field in kind])
    return kind
