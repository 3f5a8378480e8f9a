/**
 * The functions of services' programs: of binaries (C, C++, Rust, Go and the like) by their symbols and
 * line tables, of Python programs by their source.
 *
 * @module
 */

import { checkService } from "./arguments.ts";
import { type CallOptions, callOptions } from "./call_options.ts";
import { completenessOf, type Listing, listing } from "./completeness.ts";
import { call } from "./connection.ts";
import { invalidArgument } from "./errors.ts";
import type { Function as WireFunction } from "./gen/coral/colony/v1/query_pb.ts";

const TIMEOUT_MS = 35_000; // agents may read a large binary for the first time

/** One function of a service's program. */
export interface ServiceFunction {
  /** Its name as in the source, with its package, module or class. */
  name: string;
  /** The source file; null when unknown. */
  file: string | null;
  /** Its first line in it, from 1; null when unknown. */
  line: number | null;
  /** Path of the binary or of the Python module that holds it. */
  binary: string;
  /** Offset of its first instruction in the binary, bytes, where a probe attaches; null when there is none. */
  offsetBytes: number | null;
}

/** Which functions to list. */
export interface FunctionQuery extends CallOptions {
  /** Only functions whose whole name matches this glob: `*`, `?`, `[abc]`. Default: all. */
  match?: string;
}

/**
 * Lists the functions of a service's program by name.
 *
 * @param service The service's name.
 * @param options Which functions.
 * @returns The functions; `completeness.notes` tells what is missing, for example that the binary is stripped.
 * @throws {CoralError} `NOT_FOUND` when no process of the service is known; `UNIMPLEMENTED` when its
 *   language cannot be read; `INVALID_ARGUMENT`, `UNREACHABLE`, `TIMEOUT`, `NO_CONNECTION`.
 *
 * @example
 * ```ts
 * import * as coral from "@coral/sdk";
 *
 * for (const fn of await coral.functions.list("payments", { match: "*charge*" })) {
 *   console.log(fn.name, fn.file, fn.line);
 * }
 * ```
 */
export async function list(
  service: string,
  options: FunctionQuery = {},
): Promise<Listing<ServiceFunction>> {
  const how = { timeoutMs: TIMEOUT_MS, ...callOptions(options, "functions.list", ["match"]) };
  checkService(service);
  const functions: ServiceFunction[] = [];
  let pageToken = "";
  let page;
  do {
    page = await call("listFunctions", {
      service,
      match: options.match,
      pageToken,
    }, how);
    for (const found of page.functions) functions.push(functionOf(found));
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  return listing(functions, completenessOf(page.completeness));
}

/**
 * One function of a service's program.
 *
 * @param service The service's name.
 * @param name The function's name; of C++ functions without parameters when only one is named so.
 * @param options Of the call. The default timeout is 35 s, because a large binary may be read first.
 * @throws {CoralError} `NOT_FOUND` when there is none, with similar names as the hint; else as {@link list}.
 *
 * @example
 * ```ts
 * import * as coral from "@coral/sdk";
 *
 * const fn = await coral.functions.get("payments", "payments.api.charge");
 * console.log(`${fn.file}:${fn.line}`);
 * ```
 */
export async function get(
  service: string,
  name: string,
  options: CallOptions = {},
): Promise<ServiceFunction> {
  const how = { timeoutMs: TIMEOUT_MS, ...callOptions(options, "functions.get") };
  checkService(service);
  if (typeof name !== "string" || name === "") {
    throw invalidArgument(
      `name is ${JSON.stringify(name)}, expected a function's name`,
      "coral.functions.list() gives the names",
    );
  }
  const answer = await call("getFunction", { service, name }, how);
  return functionOf(answer.function!);
}

function functionOf(wire: WireFunction): ServiceFunction {
  return {
    name: wire.name,
    file: wire.file || null,
    line: wire.line || null,
    binary: wire.binary,
    offsetBytes: Number(wire.offsetBytes) || null,
  };
}
