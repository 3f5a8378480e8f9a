import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { rowReader } from "../arrow.ts";
import duckdb from "./duckdb_types.json" with { type: "json" };

Deno.test("every SQL type of DuckDB becomes the documented JavaScript value", () => {
  const read = rowReader<Record<string, unknown>>(bytes(duckdb.schema));
  const [row] = read(bytes(duckdb.batch));
  assert.deepEqual(row, {
    int: 1,
    bigint: 5,
    huge_bigint: 9223372036854775807n,
    ubigint: 18446744073709551615n,
    hugeint: 7,
    decimal: 1.25,
    wide_decimal: -12345678901234567890.05,
    bool: true,
    text: "x",
    json: '{"a":1}',
    float: 1.5,
    nothing: null,
    enum: "b",
    timestamp: new Date("2026-01-02T03:04:05.678Z"),
    timestamp_ns: new Date("2026-01-02T03:04:05.678Z"),
    date: new Date("2026-01-02T00:00:00Z"),
    time: "10:00:01.500000",
    interval: { months: 1, days: 2, nanoseconds: 3_000_000_000 },
    uuid: "12345678-1234-1234-1234-123456789abc",
    blob: new Uint8Array([97, 98]),
    list: [1, null, 3],
    lists: [[1, 2], []],
    struct: { a: 5, b: [1] },
    map: new Map([["k", 9]]),
    same: 1,
    same_1: 2,
  });
});

Deno.test("a batch is read wherever it lies in memory", () => {
  const read = rowReader<Record<string, unknown>>(shifted(bytes(duckdb.schema)));
  assert.equal(read(shifted(bytes(duckdb.batch)))[0].int, 1);
});

function shifted(data: Uint8Array): Uint8Array {
  const larger = Buffer.alloc(data.length + 3);
  larger.set(data, 3);
  return larger.subarray(3);
}

function bytes(base64: string): Uint8Array {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}
