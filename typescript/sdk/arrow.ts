import { type Column, type DataType, type StructType, tableFromIPC, Type } from "@uwdata/flechette";

type Convert = (value: unknown) => unknown;

/**
 * A reader of row batches.
 *
 * @param schema The encapsulated Arrow IPC schema message.
 * @returns Reads the encapsulated messages of one record batch into row objects.
 */
export function rowReader<T extends object>(schema: Uint8Array): (batch: Uint8Array) => T[] {
  const options = { useBigInt: true, useDate: true, useDecimalInt: true };

  function converter(type: DataType): Convert | null {
    switch (type.typeId) {
      case Type.Int:
      case Type.Duration:
        return "bitWidth" in type && type.bitWidth < 64 ? null : narrow;
      case Type.Decimal:
        return decimal(type.scale);
      case Type.Time:
        return time(type.unit);
      case Type.Interval:
        return interval;
      case Type.Dictionary:
        return nullable(converter(type.dictionary));
      case Type.List:
      case Type.LargeList:
      case Type.FixedSizeList:
        return list(converter(type.children[0].type));
      case Type.Struct:
        return struct(type.children.map((child) => [child.name, converter(child.type)]));
      case Type.Map: {
        const [key, value] = (type.children[0].type as StructType).children;
        return map(converter(key.type), converter(value.type));
      }
      default:
        return null;
    }
  }

  return (batch) => {
    // A copy, since Arrow's buffers are read in place and do not lie aligned in a gRPC message. Not by
    // slice(): what Node's HTTP gives is a Buffer, whose slice() is a view.
    const table = tableFromIPC([new Uint8Array(schema), new Uint8Array(batch)], options);
    const names = distinct(table.names);
    const columns = table.children.map((column) => values(column, nullable(converter(column.type))));
    const rows = new Array<T>(table.numRows);
    for (let at = 0; at < rows.length; at++) {
      const row: Record<string, unknown> = {};
      for (let column = 0; column < names.length; column++) row[names[column]] = columns[column][at];
      rows[at] = row as T;
    }
    return rows;
  };
}

function values(column: Column<unknown>, convert: Convert | null): ArrayLike<unknown> {
  const raw = column.toArray() as ArrayLike<unknown>;
  return convert === null ? raw : Array.from(raw, convert);
}

function nullable(convert: Convert | null): Convert | null {
  return convert && ((value) => value === null || value === undefined ? null : convert(value));
}

function narrow(value: unknown): unknown {
  const number = Number(value);
  return typeof value === "bigint" && !Number.isSafeInteger(number) ? value : number;
}

function decimal(scale: number): Convert {
  if (scale === 0) return narrow;
  // Division by a power of ten is exact to the last bit where both fit a double, unlike multiplication.
  return (value) => {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number / 10 ** scale : Number(decimalText(BigInt(value as bigint), scale));
  };
}

function decimalText(value: bigint, scale: number): string {
  const digits = (value < 0n ? -value : value).toString().padStart(scale + 1, "0");
  return `${value < 0n ? "-" : ""}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

function time(unit: number): Convert {
  // Arrow's units 0 to 3 are seconds, milliseconds, microseconds and nanoseconds.
  const perSecond = 1000n ** BigInt(unit);
  return (value) => {
    const units = BigInt(value as bigint | number);
    const clock = new Date(Number(units / perSecond) * 1e3).toISOString().slice(11, 19);
    return unit === 0 ? clock : `${clock}.${(units % perSecond).toString().padStart(3 * unit, "0")}`;
  };
}

function interval(value: unknown): unknown {
  const [months, days, nanoseconds] = value as ArrayLike<number> & Iterable<number>;
  return { months, days, nanoseconds };
}

function list(convert: Convert | null): Convert {
  const item = nullable(convert) ?? ((value: unknown) => value);
  return (value) => Array.from(value as ArrayLike<unknown>, item);
}

function struct(fields: [string, Convert | null][]): Convert {
  const converters = fields.map(([name, convert]) => [name, nullable(convert)] as const);
  return (value) => {
    const object = value as Record<string, unknown>;
    for (const [name, convert] of converters) if (convert) object[name] = convert(object[name]);
    return object;
  };
}

function map(key: Convert | null, value: Convert | null): Convert {
  const [convertKey, convertValue] = [key ?? same, nullable(value) ?? same];
  return (pairs) =>
    new Map(Array.from(pairs as Iterable<[unknown, unknown]>, ([k, v]) => [convertKey(k), convertValue(v)]));
}

function same(value: unknown): unknown {
  return value;
}

/** Column names without repetition: `a, a` become `a, a_1`. An object can have each name once. */
function distinct(names: readonly string[]): string[] {
  const taken = new Set<string>(names);
  const seen = new Set<string>();
  return names.map((name) => {
    let free = name;
    for (let count = 1; seen.has(free) || (free !== name && taken.has(free)); count++) free = `${name}_${count}`;
    seen.add(free);
    return free;
  });
}
