/**
 * Which services there are.
 *
 * @module
 */

import { checkService } from "./arguments.ts";
import { completenessOf, type Listing, listing } from "./completeness.ts";
import { call } from "./connection.ts";
import { type DurationInput, parseDuration } from "./duration.ts";
import { CoralError } from "./errors.ts";
import { handleOf, type ServiceHandle } from "./handles.ts";

const NAMES_IN_HINT = 10;

/** Which services to list. */
export interface ListOptions {
  /** Only services seen within this time. Default: all that are kept. */
  window?: DurationInput;
}

/**
 * Lists the services by name.
 *
 * @param options Which services.
 * @returns Handles; empty when no service is known.
 * @throws {CoralError} `INVALID_ARGUMENT`, `UNREACHABLE`, `TIMEOUT`, `NO_CONNECTION`.
 *
 * @example
 * ```ts
 * import * as coral from "@coral/sdk";
 *
 * for (const service of await coral.services.list({ window: "1h" })) {
 *   console.log(service.name, service.instanceCount, service.lastSeen.toISOString());
 * }
 * ```
 */
export async function list(options: ListOptions = {}): Promise<Listing<ServiceHandle>> {
  const window = options.window === undefined ? undefined : parseDuration(options.window, "window");
  const handles: ServiceHandle[] = [];
  let pageToken = "";
  do {
    const page = await call("listServices", { window, pageToken });
    for (const service of page.services) handles.push(handleOf(service));
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  return listing(handles, completenessOf(undefined));
}

/**
 * The handle of one service.
 *
 * @param name The service's name.
 * @throws {CoralError} `NOT_FOUND` when no such service is known; else as {@link list}.
 *
 * @example
 * ```ts
 * import * as coral from "@coral/sdk";
 *
 * const payments = await coral.services.get("payments");
 * console.log(await payments.metrics.getErrorRate("15m"));
 * ```
 */
export async function get(name: string): Promise<ServiceHandle> {
  checkService(name);
  const handles = await list();
  const found = handles.find((handle) => handle.name === name);
  if (found !== undefined) return found;
  const names = handles.slice(0, NAMES_IN_HINT).map((handle) => handle.name).join(", ");
  const more = handles.length > NAMES_IN_HINT ? ", ..." : "";
  throw new CoralError(`no service is named ${JSON.stringify(name)}`, {
    reason: "NOT_FOUND",
    code: "NOT_FOUND",
    hint: handles.length === 0 ? "the colony has not seen any service yet" : `it knows ${names}${more}`,
    metadata: { service: name },
  });
}

export type { ServiceHandle } from "./handles.ts";
