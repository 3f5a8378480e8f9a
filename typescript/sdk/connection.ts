import { CoralError } from "./errors.ts";
import { endpointFromEnvironment } from "./connect.ts";
import { setScreen } from "./draw/screen.ts";
import { setRun } from "./params.ts";
import type {
  CallOptions,
  Connection,
  Endpoint,
  Request,
  Response,
  StreamMethod,
  Transport,
  UnaryMethod,
} from "./transport/transport.ts";

const KEY = Symbol.for("coral.connection");
const DEFAULT_TIMEOUT_MS = 30_000;
let connection: Connection | undefined;
let endpoint: Endpoint | undefined;
let transport: Promise<Transport> | undefined;

// The connection carries a token: it leaves the global scope as early as it can. It is there when
// this module loads if `coral run` made it, later if a test does.
takeConnection();

/** Makes one call and waits for its answer. */
export async function call<K extends UnaryMethod>(
  method: K,
  request: Request<K>,
  options: Partial<CallOptions> = {},
): Promise<Response<K>> {
  const open = await openTransport();
  return await open.unary(method, request, { timeoutMs: DEFAULT_TIMEOUT_MS, ...options });
}

/** Makes one call that is answered by many messages. Leaving the loop early cancels it. */
export async function* stream<K extends StreamMethod>(
  method: K,
  request: Request<K>,
  options: Partial<CallOptions> = {},
): AsyncGenerator<Response<K>, void, void> {
  const open = await openTransport();
  yield* open.stream(method, request, { timeoutMs: DEFAULT_TIMEOUT_MS, ...options });
}

/** What is known of this run; empty when it was not started by Coral. */
export function run(): Partial<Connection> {
  takeConnection();
  return connection ?? {};
}

function openTransport(): Promise<Transport> {
  takeConnection();
  endpoint ??= endpointFromEnvironment();
  if (endpoint === undefined) {
    return Promise.reject(
      new CoralError("no connection to a colony: this script was not started by `coral run`", {
        reason: "NO_CONNECTION",
        code: "FAILED_PRECONDITION",
        hint: "start it with `coral run FILE`; in a program of your own call coral.connect, or set CORAL_COLONY",
      }),
    );
  }
  const { address, tls, ca, token } = endpoint;
  const socket = connection?.socket;
  // Loaded at the first call, and only that of the mode: node:http2 alone costs 40 ms.
  transport ??= socket
    ? import("./transport/framed.ts").then((framed) => framed.openFramed(socket, token ?? ""))
    : import("./transport/grpc.ts").then((grpc) => grpc.openGrpc({ address, tls, ca, token }));
  return transport;
}

/** Takes another colony for later calls. */
export function adopt(found: Endpoint): void {
  endpoint = found;
  transport = undefined;
}

function takeConnection(): void {
  const scope = globalThis as { [KEY]?: Connection };
  const found = scope[KEY];
  if (found === undefined) return;
  delete scope[KEY];
  connection = found;
  adopt(found);
  setRun(found.mode, found.params, found.texts);
  if (found.screen) setScreen(found.screen);
}
