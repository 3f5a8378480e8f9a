import { cancelled } from "./call_options.ts";
import { CoralError } from "./errors.ts";
import { endpointFromEnvironment } from "./connect.ts";
import { setScreen } from "./draw/screen.ts";
import { handedOver } from "./handed_over.ts";
import { setRun } from "./params.ts";
import { Queue } from "./queue.ts";
import { runClock } from "./run_hooks.ts";
import { COLONY_HINT } from "./transport/failures.ts";
import type { Place } from "./transport/frames.ts";
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
const CALLS_AT_ONCE = 100;
const RETRIES = 3;
const FIRST_RETRY_MS = 100;
// Streams have places of their own: a script that asks while it reads a hundred would wait for itself.
const calls = new Queue(CALLS_AT_ONCE);
const streams = new Queue(CALLS_AT_ONCE);
let connection: Connection | undefined;
let endpoint: Endpoint | undefined;
let frames: number | undefined; // the port of the colony's frames on this machine
let transport: Promise<Transport> | undefined;

takeConnection();

/** Makes one call and waits for its answer; tries again where that may help. Every method can be repeated. */
export async function call<K extends UnaryMethod>(
  method: K,
  request: Request<K>,
  options: Partial<CallOptions> = {},
): Promise<Response<K>> {
  await calls.enter(options.signal);
  try {
    for (const retry = retries(options);;) {
      try {
        const open = await openTransport();
        return await open.unary(method, request, retry.options());
      } catch (error) {
        await retry.after(error);
      }
    }
  } finally {
    calls.leave();
  }
}

/** Makes one call that is answered by many messages. Leaving the loop early cancels it. */
export async function* stream<K extends StreamMethod>(
  method: K,
  request: Request<K>,
  options: Partial<CallOptions> = {},
): AsyncGenerator<Response<K>, void, void> {
  await streams.enter(options.signal);
  try {
    for (const retry = retries(options);;) {
      let begun = false;
      try {
        const open = await openTransport();
        for await (const message of open.stream(method, request, retry.options())) {
          begun = true;
          if (options.signal?.aborted) break;
          yield message;
        }
        if (options.signal?.aborted) throw cancelled(options.signal);
        return;
      } catch (error) {
        await retry.after(error, begun);
      }
    }
  } finally {
    streams.leave();
  }
}

/** The attempts of one call, until its time is up. */
function retries({ timeoutMs = DEFAULT_TIMEOUT_MS, signal }: Partial<CallOptions>) {
  const end = performance.now() + timeoutMs;
  let attempt = 0;
  return {
    options: (): CallOptions => ({
      timeoutMs: attempt === 0 ? timeoutMs : Math.max(1, Math.ceil(end - performance.now())),
      ...(signal && { signal }),
    }),
    /** Waits until the next attempt; throws the error where there is none. */
    async after(error: unknown, begun = false): Promise<void> {
      if (signal?.aborted) throw cancelled(signal);
      if (!begun && withoutFrames(error)) return;
      const wait = begun ? undefined : delayMs(error, attempt++);
      if (wait === undefined || performance.now() + wait >= end) throw error;
      await pause(wait, signal);
    },
  };
}

/** How long to wait before the next attempt; undefined when it cannot help. */
function delayMs(error: unknown, attempt: number): number | undefined {
  if (!(error instanceof CoralError)) return undefined;
  // A server that is too busy says when it will have time: all who were refused shall not come back at once.
  if (error.retryAfterMs !== undefined) return error.retryAfterMs * (1 + Math.random() / 2);
  const passes = error.code === "UNAVAILABLE" || error.code === "ABORTED";
  return passes && attempt < RETRIES ? FIRST_RETRY_MS * 2 ** attempt * (0.5 + Math.random()) : undefined;
}

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  const clock = runClock();
  clock?.busy(1);
  return new Promise<void>((resolve, reject) => {
    const stop = () => {
      (clock?.clearTimeout ?? clearTimeout)(timer);
      reject(cancelled(signal!));
    };
    const timer = (clock?.setTimeout ?? setTimeout)(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, ms);
    signal?.addEventListener("abort", stop, { once: true });
  }).finally(() => clock?.busy(-1));
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
  const { socket } = connection ?? {};
  const port = frames;
  // Loaded at the first call, and only that of the mode: node:http2 alone costs 40 ms.
  transport ??= socket
    ? openFrames({ transport: "unix", path: socket }, { address: socket, hint: "what started this script has ended" })
    : port
    ? openFrames({ transport: "tcp", hostname: "127.0.0.1", port }, { address, hint: COLONY_HINT })
    : import("./transport/grpc.ts").then((grpc) => grpc.openGrpc({ address, tls, ca, token }));
  return transport;
}

async function openFrames(place: Place, about: { address: string; hint: string }): Promise<Transport> {
  const { openFramed } = await import("./transport/framed.ts");
  return openFramed(place, endpoint?.token ?? "", about);
}

/** Takes gRPC from now on if a colony's port for frames is gone, as after a restart, or full. */
function withoutFrames(error: unknown): boolean {
  if (frames === undefined || !(error instanceof CoralError)) return false;
  if (error.code !== "UNAVAILABLE" && error.code !== "ABORTED") return false;
  frames = transport = undefined;
  return true;
}

/** Takes another colony for later calls. */
export function adopt(found: Endpoint): void {
  endpoint = found;
  frames = transport = undefined;
}

/** Takes what `coral run` has handed over, or what a test puts into the global scope, now or later. */
function takeConnection(): void {
  const scope = globalThis as { [KEY]?: Connection };
  const found = scope[KEY] ?? handedOver();
  if (found === undefined) return;
  delete scope[KEY];
  connection = found;
  adopt(found);
  frames = Number(found.frames?.split(":")[1]) || undefined;
  setRun(found.mode, found.params, found.texts);
  if (found.screen) setScreen(found.screen);
}
