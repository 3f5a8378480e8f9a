import { adopt } from "./connection.ts";
import { CoralError, invalidArgument } from "./errors.ts";
import { mode } from "./params.ts";
import type { Endpoint } from "./transport/transport.ts";

const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\]):/;

/** Where a colony is, and how to reach it. */
export interface ConnectOptions {
  /** `HOST:PORT`. */
  address: string;
  /** Whether to use TLS. Default: whether there is a `ca`. */
  tls?: boolean;
  /** The certificate authority to trust, as PEM text. Default: those of the system. */
  ca?: string;
  /** The bearer token. It is not sent in clear to other machines. Default: none. */
  token?: string;
}

/**
 * Chooses the colony, outside `coral run`: in a program of your own under Node, Deno or Bun.
 *
 * Without it the first call takes the colony from the environment: `CORAL_COLONY` (`HOST:PORT`), `CORAL_TLS_CA` (path of
 * a PEM file, or `system`; with it TLS is used), `CORAL_TOKEN`. Calling it again changes the colony of later calls.
 *
 * @param options The colony.
 * @throws {CoralError} `INVALID_ARGUMENT`; `FAILED_PRECONDITION` in a script that `coral run` has started, where the
 * user has chosen the colony.
 *
 * @example
 * ```ts
 * import * as coral from "@coral/sdk";
 *
 * if (coral.mode === undefined) coral.connect({ address: "127.0.0.1:9000" });
 * console.log((await coral.services.list()).map((service) => service.name));
 * ```
 */
export function connect(options: ConnectOptions): void {
  const { address, ca, token } = options;
  if (mode !== undefined) {
    throw new CoralError("connect() was called in a script of `coral run`, which has chosen the colony", {
      reason: "FAILED_PRECONDITION",
      code: "FAILED_PRECONDITION",
      hint: "leave it out, or call it only where coral.mode is undefined; choose the colony with --colony",
    });
  }
  checkAddress(address, "address");
  adopt(endpointOf(address, options.tls, ca, token));
}

/** @internal The colony that the environment names; undefined where it names none or may not be read. */
export function endpointFromEnvironment(): Endpoint | undefined {
  const { process } = globalThis as { process?: typeof import("node:process") };
  let address, file, token;
  try {
    ({ CORAL_COLONY: address, CORAL_TLS_CA: file, CORAL_TOKEN: token } = process?.env ?? {});
  } catch { // Deno, without --allow-env
    return undefined;
  }
  if (!address) return undefined;
  checkAddress(address, "CORAL_COLONY");
  const ca = file && file !== "system" ? process!.getBuiltinModule("node:fs").readFileSync(file, "utf8") : undefined;
  return endpointOf(address, file ? true : undefined, ca, token);
}

function endpointOf(address: string, tls: boolean | undefined, ca?: string, token?: string): Endpoint {
  const secure = tls ?? ca !== undefined;
  if (token && !secure && !LOOPBACK.test(address)) {
    throw invalidArgument(`the token would be sent to ${address} in clear`, "give the colony's ca, or tls: true");
  }
  return { address, tls: secure, ca: ca ?? null, token: token || null };
}

function checkAddress(address: unknown, name: string): void {
  if (typeof address === "string" && /^(\[[\da-f:.]+\]|[^:/\s]+):\d{1,5}$/i.test(address)) return;
  throw invalidArgument(`${name} is ${String(address)}, expected HOST:PORT`, 'for example "127.0.0.1:9000"');
}
