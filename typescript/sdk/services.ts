/**
 * Which services there are.
 *
 * @module
 */

import { checkService } from "./arguments.ts";
import { type CallOptions, callOptions } from "./call_options.ts";
import { completenessOf, type Listing, listing } from "./completeness.ts";
import { call } from "./connection.ts";
import { type DurationInput, parseDuration } from "./duration.ts";
import { CoralError } from "./errors.ts";
import { handleOf, type Instance, type ServiceHandle } from "./handles.ts";
import { query } from "./db.ts";
import { milliseconds } from "./wire_time.ts";

const NAMES_IN_HINT = 10;
const INSTANCES = `SELECT instance_id, agent_id, attributes, last_seen FROM resources_local
  WHERE service_name = $name AND last_seen >= $since ORDER BY instance_id, agent_id`;

/** Which services to list. */
export interface ListOptions extends CallOptions {
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
  const how = callOptions(options, "services.list", ["window"]);
  const window = options.window === undefined ? undefined : parseDuration(options.window, "window");
  const handles: ServiceHandle[] = [];
  let pageToken = "";
  let page;
  do {
    page = await call("listServices", { window, pageToken }, how);
    for (const service of page.services) handles.push(handleOf(service));
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  return listing(handles, completenessOf(page.completeness));
}

/**
 * The handle of one service.
 *
 * @param name The service's name.
 * @param options Of the call.
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
export async function get(name: string, options: CallOptions = {}): Promise<ServiceHandle> {
  callOptions(options, "services.get");
  checkService(name);
  const handles = await list(options);
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

/** Which instances to list. */
export interface InstanceOptions extends CallOptions {
  /** Only instances seen within this time. Default: `"1h"`. */
  window?: DurationInput;
}

/**
 * Lists the instances of a service (processes, pods), as they last described themselves.
 *
 * @param name The service's name.
 * @param options Which instances.
 * @returns The instances by id; empty when none was seen in the window.
 * @throws {CoralError} As `coral.db.query`.
 *
 * @example
 * ```ts
 * import * as coral from "@coral/sdk";
 *
 * const instances = await coral.services.instances("payments");
 * const hashes = new Set(instances.map((instance) => instance.attributes["app.config.hash"]));
 * if (hashes.size > 1) console.log("payments run with", hashes.size, "configurations");
 * ```
 */
export async function instances(name: string, options: InstanceOptions = {}): Promise<Listing<Instance>> {
  checkService(name);
  const { window = "1h", ...rest } = options;
  callOptions(options, "services.instances", ["window"]);
  const since = new Date(Date.now() - milliseconds(parseDuration(window, "window")));
  const rows = await query(INSTANCES, { name, since }, rest);
  const found = rows.map(({ instance_id, agent_id, attributes, last_seen }): Instance => ({
    id: instance_id,
    agent: agent_id,
    attributes: JSON.parse(attributes),
    lastSeen: last_seen,
  }));
  return listing(found, rows.completeness);
}

export type { Instance, ServiceHandle } from "./handles.ts";
