import { Code, ConnectError } from "@connectrpc/connect";
import type { UniversalClientFn } from "@connectrpc/connect/protocol";
import type { Http2SessionManager } from "@connectrpc/connect-node";
import type { ClientHttp2Stream, IncomingHttpHeaders } from "node:http2";

const RST_NO_ERROR = 0;
const RST_CANCEL = 8;
const RST_REFUSED_STREAM = 7;
// What waits for a slow reader, before the server is made to wait. What is under way comes on top of it.
const AHEAD_BYTES = 2 * 2 ** 20;

/**
 * HTTP/2 requests for connect's gRPC protocol.
 *
 * connect-node has one of its own, which reads responses by async iteration. Under Deno 2.9 that
 * loses the race against the end of the stream ("Premature close"): in 1 of 8 answers that were read
 * slowly, 1 of 100 that were read at once. This one takes what comes as events.
 */
export function http2Client(sessions: Http2SessionManager): UniversalClientFn {
  return async ({ url, method, header, body, signal }) => {
    const headers = Object.fromEntries(header);
    let stream: ClientHttp2Stream;
    try {
      stream = await sessions.request(method, new URL(url).pathname, headers, {});
    } catch (error) {
      throw new ConnectError(textOf(error), Code.Unavailable, undefined, undefined, error);
    }
    const response = new Response(stream);
    const cancel = (): void => {
      response.fail(signal?.reason);
      stream.close(RST_CANCEL);
    };
    signal?.addEventListener("abort", cancel, { once: true });
    stream.once("close", () => signal?.removeEventListener("abort", cancel));
    if (signal?.aborted) cancel();
    for await (const chunk of body ?? []) stream.write(chunk);
    stream.end();
    const { status, header: received } = await response.headers;
    return { status, header: received, body: response.chunks(), trailer: response.trailer };
  };
}

/** What came of a response, in order, until someone takes it. */
class Response {
  readonly trailer = new Headers();
  readonly headers: Promise<{ status: number; header: Headers }>;
  #queue: Uint8Array[] = [];
  #waiting = 0; // bytes in it
  #whole = false;
  #ended = false;
  #error: unknown;
  #wake: () => void = () => undefined;
  #rejectHeaders: (reason: unknown) => void;
  readonly #stream: ClientHttp2Stream;

  constructor(stream: ClientHttp2Stream) {
    this.#stream = stream;
    const { promise, resolve, reject } = Promise.withResolvers<{ status: number; header: Headers }>();
    this.headers = promise;
    this.#rejectHeaders = reject;
    stream.once("response", (received: IncomingHttpHeaders & { ":status"?: number }) => {
      this.#whole ||= "grpc-status" in received; // a response without messages has no trailer of its own
      resolve({ status: received[":status"] ?? 0, header: copyHeaders(received, new Headers()) });
    });
    stream.on("data", (chunk: Uint8Array) => {
      this.#queue.push(chunk);
      this.#waiting += chunk.length;
      if (this.#waiting > AHEAD_BYTES) stream.pause();
      this.#wake();
    });
    stream.once("trailers", (received: IncomingHttpHeaders) => {
      this.#whole = true;
      copyHeaders(received, this.trailer);
    });
    stream.once("error", (error: unknown) => this.fail(broken(textOf(error), error)));
    // Not "end", which may come after "close" or not at all. gRPC itself says whether a response is
    // whole: by its status at the end, and by the length before each message.
    stream.once("close", () => {
      const code: number = stream.rstCode;
      if (code === RST_NO_ERROR && this.#whole) this.#end();
      else if (code === RST_REFUSED_STREAM) this.fail(new ConnectError("the stream was refused", Code.Unavailable));
      else this.fail(broken(code === RST_NO_ERROR ? "the connection closed" : `HTTP/2 error ${code}`));
    });
  }

  /** Ends the response with an error, unless it has ended. */
  fail(error: unknown): void {
    if (this.#ended) return;
    this.#error = error;
    this.#end();
  }

  async *chunks(): AsyncGenerator<Uint8Array, void, void> {
    for (;;) {
      const chunk = this.#queue.shift();
      if (chunk !== undefined) {
        this.#waiting -= chunk.length;
        if (this.#waiting < AHEAD_BYTES / 2 && this.#stream.isPaused()) this.#stream.resume();
        yield chunk;
      } else if (!this.#ended) {
        await new Promise<void>((resolve) => this.#wake = resolve);
      } else if (this.#error !== undefined) {
        throw this.#error;
      } else {
        return;
      }
    }
  }

  #end(): void {
    this.#ended = true;
    this.#rejectHeaders(this.#error ?? broken("no response"));
    this.headers.catch(() => undefined); // whoever still waits for them sees it; nobody may
    this.#wake();
  }
}

function broken(message: string, cause?: unknown): ConnectError {
  return new ConnectError(message, Code.Aborted, undefined, undefined, cause);
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function copyHeaders(from: IncomingHttpHeaders, to: Headers): Headers {
  for (const [name, value] of Object.entries(from)) {
    if (name.startsWith(":") || value === undefined) continue;
    for (const one of Array.isArray(value) ? value : [value]) to.append(name, one);
  }
  return to;
}
