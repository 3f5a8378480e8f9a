import type { MessageInitShape } from "@bufbuild/protobuf";
import { invalidArgument } from "./errors.ts";
import type { SqlValueSchema } from "./gen/coral/colony/v1/query_pb.ts";
import { timestampOf } from "./wire_time.ts";

/** A value for a placeholder of a statement. A safe integer is sent as BIGINT, another number as DOUBLE. */
export type SqlParam = string | number | bigint | boolean | Date | Uint8Array | null;

/** Values for `?` or `$1`, `$2`, ... in order, or for `$name` by name. */
export type SqlParams = readonly SqlParam[] | Readonly<Record<string, SqlParam>>;

type WireValue = MessageInitShape<typeof SqlValueSchema>;

/** @internal The parameters of a statement as the wire takes them. */
export function wireParams(
  params: SqlParams | undefined,
): { params?: WireValue[]; namedParams?: Record<string, WireValue> } {
  if (params === undefined) return {};
  if (Array.isArray(params)) return { params: params.map((value, index) => wireValue(value, `$${index + 1}`)) };
  const named = Object.entries(params).map(([name, value]) => [name, wireValue(value, `$${name}`)]);
  return { namedParams: Object.fromEntries(named) };
}

function wireValue(value: SqlParam, name: string): WireValue {
  if (value === null) return {};
  if (typeof value === "string") return { value: { case: "stringValue", value } };
  if (typeof value === "boolean") return { value: { case: "boolValue", value } };
  if (typeof value === "number") {
    if (Number.isSafeInteger(value)) return { value: { case: "intValue", value: BigInt(value) } };
    return { value: { case: "doubleValue", value } };
  }
  if (typeof value === "bigint" && BigInt.asIntN(64, value) === value) {
    return { value: { case: "intValue", value } };
  }
  if (value instanceof Uint8Array) return { value: { case: "bytesValue", value } };
  if (value instanceof Date && !Number.isNaN(value.getTime())) {
    return { value: { case: "timestampValue", value: timestampOf(value) } };
  }
  throw invalidArgument(
    `the value of ${name} is ${typeof value === "bigint" ? `${value}, which is no 64-bit integer` : String(value)}`,
    "values are strings, numbers, bigints, booleans, Dates, Uint8Arrays or null",
  );
}
