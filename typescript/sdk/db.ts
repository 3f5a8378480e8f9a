/**
 * SQL over the public tables, for what the helpers do not answer.
 *
 * How SQL types arrive in JavaScript:
 *
 * | SQL | JavaScript |
 * |---|---|
 * | BOOLEAN | `boolean` |
 * | integers, HUGEINT, DECIMAL without a fraction | `number`; `bigint` beyond ±(2^53 - 1) |
 * | FLOAT, DOUBLE, DECIMAL | `number` |
 * | VARCHAR, JSON, UUID, ENUM | `string` (parse JSON with `JSON.parse`) |
 * | TIMESTAMP of all kinds, DATE | `Date` in UTC, cut to milliseconds |
 * | TIME | `string`, `"10:00:01.500000"` |
 * | INTERVAL | `{ months, days, nanoseconds }` |
 * | BLOB, BIT | `Uint8Array` |
 * | LIST, ARRAY | array |
 * | STRUCT | object |
 * | MAP | `Map` |
 * | NULL | `null` |
 *
 * For the exact microseconds of a TIMESTAMP select `epoch_us(column)`.
 *
 * @module
 */

import { checkLimit } from "./arguments.ts";
import { callOptions } from "./call_options.ts";
import { type Completeness, completenessOf, type Listing, listing } from "./completeness.ts";
import { stream as streamCall } from "./connection.ts";
import { type DurationInput, parseDuration } from "./duration.ts";
import { CoralError, invalidArgument } from "./errors.ts";
import { type SqlParams, wireParams } from "./sql_params.ts";
import type { CallOptions, Request } from "./transport/transport.ts";

export type { SqlParam, SqlParams } from "./sql_params.ts";

/** A row by column name. Give your own type as `db.query<MyRow>(...)`. */
// deno-lint-ignore no-explicit-any -- the columns are known to the statement, not to TypeScript
export type Row = Record<string, any>;

/** How to run a statement. */
export interface QueryOptions {
  /** Rows at most; it can only lower the server's own limit (10,000). */
  limit?: number;
  /** Time that the statement may take; the server lowers it to its ceiling. Default: the server's (5 s). */
  timeout?: DurationInput;
  /** Ends the statement when it is aborted: the call throws a `CoralError` with the reason `CANCELLED`. */
  signal?: AbortSignal;
}

/**
 * Runs one read-only SQL statement and waits for all rows.
 *
 * The server returns 10,000 rows at most and may add a time window; `completeness` of the result says so.
 *
 * @param sql The statement.
 * @param params Values for its placeholders.
 * @param options Limits that are narrower than the server's.
 * @returns The rows. Of columns with equal names the later ones get `_1`, `_2`, ... appended.
 * @throws {CoralError} `QUERY_REFUSED` (not allowed), `QUERY_FAILED` (wrong SQL), `QUERY_TIMEOUT`,
 *   `OVERLOADED`, `INCOMPLETE_RESULT`, `UNREADABLE_RESULT`, `INVALID_ARGUMENT`, `UNREACHABLE`, `TIMEOUT`, `NO_CONNECTION`.
 *
 * @example
 * ```ts
 * import * as coral from "@coral/sdk";
 *
 * const slow = await coral.db.query<{ trace_id: string; duration_ns: number }>(
 *   "SELECT trace_id, duration_ns FROM otel_spans_local WHERE service_name = ? AND duration_ns > ?",
 *   ["payments", 500_000_000],
 * );
 * for (const row of slow) console.log(row.trace_id, row.duration_ns / 1_000_000);
 * ```
 */
export async function query<T extends object = Row>(
  sql: string,
  params?: SqlParams,
  options?: QueryOptions,
): Promise<Listing<T>> {
  const rows: T[] = [];
  const batches = run<T>(sql, params, options);
  for (;;) {
    const next = await batches.next();
    if (next.done) return listing(rows, next.value);
    for (const row of next.value) rows.push(row);
  }
}

/**
 * Runs one read-only SQL statement and hands over rows as they come, without holding them all.
 * Leaving the loop early ends the statement on the server. The server's limits are 5 million rows, 1 GiB and 60 s.
 *
 * @param sql The statement.
 * @param params Values for its placeholders.
 * @param options Limits that are narrower than the server's.
 * @returns The rows, to be iterated once; the iteration's return value is the completeness.
 * @throws {CoralError} As {@link query}, while iterating.
 *
 * @example
 * ```ts
 * import * as coral from "@coral/sdk";
 *
 * for await (const row of coral.db.stream("SELECT * FROM trace_summary ORDER BY duration_ns DESC")) {
 *   if (row.duration_ns < 1_000_000) break; // ends the statement
 *   console.log(row.trace_id);
 * }
 * ```
 */
export function stream<T extends object = Row>(
  sql: string,
  params?: SqlParams,
  options?: QueryOptions,
): AsyncGenerator<T, Completeness, void> {
  return rowByRow(run<T>(sql, params, options, true));
}

/** Rows of batches, one by one. An async generator would spend three times as long on each row. */
function rowByRow<T>(batches: AsyncGenerator<T[], Completeness, void>): AsyncGenerator<T, Completeness, void> {
  type Result = IteratorResult<T, Completeness>;
  let rows: T[] = [];
  let taken = 0;
  let fetching: Promise<unknown> | undefined; // those who ask meanwhile come after it
  const step = async (): Promise<Result> => {
    while (taken === rows.length) {
      const next = await batches.next();
      if (next.done) return next;
      [rows, taken] = [next.value, 0];
    }
    return { done: false, value: rows[taken++] };
  };
  const inTurn = <R>(work: () => Promise<R>): Promise<R> => {
    const answer = fetching === undefined ? work() : fetching.then(work);
    const done = answer.then(() => undefined, () => undefined).then(() => {
      if (fetching === done) fetching = undefined;
    });
    fetching = done;
    return answer;
  };
  const close = async (completeness: Completeness): Promise<Result> => {
    [rows, taken] = [[], 0];
    await batches.return(completeness);
    return { done: true, value: completeness };
  };
  return {
    next() {
      if (fetching === undefined && taken < rows.length) return Promise.resolve({ done: false, value: rows[taken++] });
      return inTurn(step);
    },
    return: (value) => inTurn(async () => close((await value) ?? completenessOf(undefined))),
    throw: (error) =>
      inTurn(async () => {
        await close(completenessOf(undefined));
        throw error;
      }),
    [Symbol.asyncIterator]() {
      return this;
    },
    async [Symbol.asyncDispose]() {
      await this.return(completenessOf(undefined));
    },
  };
}

async function* run<T extends object>(
  sql: string,
  params: SqlParams | undefined,
  options: QueryOptions = {},
  stream = false,
): AsyncGenerator<T[], Completeness, void> {
  let read: (batch: Uint8Array) => T[] = () => [];
  let rowCount = 0n;
  let completeness: Completeness | undefined;
  for await (
    const { part } of streamCall("executeQuery", { ...requestOf(sql, params, options), stream }, how(options, stream))
  ) {
    if (part.case === "header") {
      const arrow = await import("./arrow.ts"); // evaluated by the scripts that need it only
      read = arrow.rowReader<T>(part.value.arrowSchema);
    } else if (part.case === "batch") {
      const rows = readable(() => read(part.value.arrowBatch));
      rowCount += BigInt(rows.length);
      yield rows;
    } else if (part.case === "trailer" && part.value.rowCount === rowCount) {
      completeness = completenessOf(part.value.completeness);
    }
  }
  if (completeness !== undefined) return completeness;
  throw new CoralError(`the result broke off after ${rowCount} rows`, {
    reason: "INCOMPLETE_RESULT",
    code: "DATA_LOSS",
    hint: "try again; if it happens each time, the colony's log says why",
  });
}

function readable<R>(read: () => R): R {
  try {
    return read();
  } catch (cause) {
    throw new CoralError(`the result cannot be read: ${cause instanceof Error ? cause.message : cause}`, {
      reason: "UNREADABLE_RESULT",
      code: "INTERNAL",
      hint: "cast the column that is out of the ordinary, for example to VARCHAR",
      cause,
    });
  }
}

function requestOf(sql: string, params: SqlParams | undefined, options: QueryOptions): Request<"executeQuery"> {
  if (typeof sql !== "string" || sql.trim() === "") {
    throw invalidArgument("the SQL statement is empty", 'for example "SELECT * FROM service_summary"');
  }
  if (options.limit !== undefined) checkLimit(options.limit);
  return {
    sql,
    ...wireParams(params),
    maxRows: options.limit === undefined || options.limit === Infinity ? 0n : BigInt(options.limit),
    timeout: options.timeout === undefined ? undefined : parseDuration(options.timeout, "timeout"),
  };
}

// The time only ends calls that the server forgot: its own limit, named in its error, comes first.
function how(options: QueryOptions, stream: boolean): Partial<CallOptions> {
  const { timeoutMs, ...rest } = callOptions(options, stream ? "db.stream" : "db.query", ["limit"]);
  return timeoutMs === undefined ? rest : { ...rest, timeoutMs: timeoutMs + 30_000 };
}
