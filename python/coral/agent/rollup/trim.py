"""Exemplar spans made small enough to travel; what was left out is said in the span itself."""

from __future__ import annotations

import json
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from coral.limits import EXEMPLAR_ATTRIBUTES_BYTES

LONGEST_CELL: Final = 16 * EXEMPLAR_ATTRIBUTES_BYTES
"""Bytes of JSON that are parsed to be cut; the query drops what is longer."""

LEFT_OUT: Final = "coral.attributes_left_out"
"""Attribute of a span: how many of its attributes were too long to be sent."""

SPANS_LEFT_OUT: Final = "coral.spans_left_out"
"""Attribute of the first span of a trace that was sent: how many of its spans were not."""


def trimmed(spans: pa.Table) -> pa.Table:
    """Spans without the column `spans_cut`, with attributes, events and links within their limit."""
    columns = {name: spans.column(name) for name in ("attributes", "events", "links")}
    cuts = spans.column("spans_cut").to_pylist()
    result = spans.drop_columns("spans_cut")
    for name, column in columns.items():
        long = pc.greater(pc.binary_length(column), EXEMPLAR_ATTRIBUTES_BYTES).to_pylist()
        marked = cuts if name == "attributes" else [0] * len(long)
        if not any(long) and not any(marked):
            continue
        cells = column.to_pylist()
        for index, (is_long, cut) in enumerate(zip(long, marked, strict=True)):
            if not is_long and not cut:
                continue
            value = json.loads(cells[index])
            if name == "attributes":
                fitting = _fitting_object(value) if is_long else value
                cells[index] = _text({**fitting, SPANS_LEFT_OUT: cut} if cut else fitting)
            else:
                cells[index] = _text(_fitting_array(value))
        result = result.set_column(result.schema.get_field_index(name), name, pa.array(cells, pa.string()))
    return result


def _fitting_object(value: dict[str, Any]) -> dict[str, Any]:
    """The attributes that fit, in their order, and how many do not."""
    room = EXEMPLAR_ATTRIBUTES_BYTES
    kept: dict[str, Any] = {}
    for key, item in value.items():
        size = len(_text({key: item}).encode())
        if size <= room:
            kept[key] = item
            room -= size
    return {**kept, LEFT_OUT: len(value) - len(kept)}


def _fitting_array(value: list[Any]) -> list[Any]:
    """The events or links that fit; one that does not goes without its attributes if that helps."""
    room = EXEMPLAR_ATTRIBUTES_BYTES
    kept = []
    for item in value:
        bare = {**item, "attributes": {LEFT_OUT: len(item.get("attributes") or {})}}
        for candidate in (item, bare):
            size = len(_text(candidate).encode())
            if size <= room:
                kept.append(candidate)
                room -= size
                break
    return kept


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
