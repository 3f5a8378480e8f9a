import type { DescMethodUnary } from "@bufbuild/protobuf";
import { Http2SessionManager } from "@connectrpc/connect-node";
import { createTransport } from "@connectrpc/connect/protocol-grpc";
import { fromGrpc } from "./grpc_errors.ts";
import { http2Client } from "./http2.ts";
import { COLONY_HINT } from "./failures.ts";
import { METHODS } from "./methods.ts";
import type { CallOptions, Endpoint, Request, Response, StreamMethod, Transport, UnaryMethod } from "./transport.ts";

const MAX_MESSAGE_BYTES = 64 * 2 ** 20;

/** A transport over gRPC; it connects at the first call and again after a loss. */
export function openGrpc(endpoint: Endpoint): Transport {
  const { address, tls, ca, token } = endpoint;
  const baseUrl = `${tls ? "https" : "http"}://${address}`;
  const sessions = new Http2SessionManager(baseUrl, {}, tls && ca !== null ? { ca } : undefined);
  const grpc = createTransport({
    baseUrl,
    httpClient: http2Client(sessions),
    useBinaryFormat: true,
    interceptors: [],
    acceptCompression: [], // node:zlib takes 5 ms to load, and a colony does not compress
    sendCompression: null,
    compressMinBytes: 1024,
    readMaxBytes: MAX_MESSAGE_BYTES,
    writeMaxBytes: MAX_MESSAGE_BYTES,
  });
  const headers: [string, string][] = token === null ? [] : [["authorization", `Bearer ${token}`]];

  async function unary<K extends UnaryMethod>(
    method: K,
    request: Request<K>,
    { timeoutMs, signal }: CallOptions,
  ): Promise<Response<K>> {
    const description = METHODS[method];
    try {
      const answer = await grpc.unary(description as DescMethodUnary, signal, timeoutMs, headers, request);
      return answer.message as Response<K>;
    } catch (error) {
      throw fromGrpc(error, { address, method: description.name, timeoutMs, hint: COLONY_HINT });
    }
  }

  async function* stream<K extends StreamMethod>(
    method: K,
    request: Request<K>,
    { timeoutMs, signal }: CallOptions,
  ): AsyncGenerator<Response<K>, void, void> {
    const description = METHODS[method];
    const cancel = new AbortController();
    let messages: AsyncIterator<unknown> | undefined;
    try {
      const either = signal === undefined ? cancel.signal : AbortSignal.any([cancel.signal, signal]);
      const answer = await grpc.stream(description, either, timeoutMs, headers, once(request));
      // Not `for await`: leaving that early neither cancels the call nor lets the process end.
      messages = answer.message[Symbol.asyncIterator]();
      for (let next = await messages.next(); !next.done; next = await messages.next()) {
        yield next.value as Response<K>;
      }
      messages = undefined;
    } catch (error) {
      throw fromGrpc(error, { address, method: description.name, timeoutMs, hint: COLONY_HINT });
    } finally {
      cancel.abort();
      // connect stops its timer only when it is asked for a message after that, and answers with the
      // cancellation itself. A running timer would keep the process alive.
      await messages?.next().catch(() => undefined);
    }
  }

  return { unary, stream };
}

async function* once<T>(value: T): AsyncGenerator<T, void, void> {
  yield value;
}
