import type { DescMethodUnary } from "@bufbuild/protobuf";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { QueryService } from "../gen/coral/colony/v1/query_pb.ts";
import { fromGrpc } from "./grpc_errors.ts";
import type { CallOptions, Endpoint, Request, Response, StreamMethod, Transport, UnaryMethod } from "./transport.ts";

/** A transport over gRPC; it connects at the first call and again after a loss. */
export function openGrpc(endpoint: Endpoint): Transport {
  const { address, tls, ca, token } = endpoint;
  const grpc = createGrpcTransport({
    baseUrl: `${tls ? "https" : "http"}://${address}`,
    nodeOptions: tls && ca !== null ? { ca } : undefined,
  });
  const headers: [string, string][] = token === null ? [] : [["authorization", `Bearer ${token}`]];

  async function unary<K extends UnaryMethod>(
    method: K,
    request: Request<K>,
    { timeoutMs }: CallOptions,
  ): Promise<Response<K>> {
    const description = QueryService.method[method];
    try {
      const answer = await grpc.unary(description as DescMethodUnary, undefined, timeoutMs, headers, request);
      return answer.message as Response<K>;
    } catch (error) {
      throw fromGrpc(error, { address, method: description.name, timeoutMs });
    }
  }

  async function* stream<K extends StreamMethod>(
    method: K,
    request: Request<K>,
    { timeoutMs }: CallOptions,
  ): AsyncGenerator<Response<K>, void, void> {
    const description = QueryService.method[method];
    const cancel = new AbortController();
    try {
      const answer = await grpc.stream(description, cancel.signal, timeoutMs, headers, once(request));
      // Not `for await`: leaving that calls return() of connect's iterator, which neither cancels the
      // call nor lets the process end.
      const messages = answer.message[Symbol.asyncIterator]();
      for (let next = await messages.next(); !next.done; next = await messages.next()) {
        yield next.value as Response<K>;
      }
    } catch (error) {
      throw fromGrpc(error, { address, method: description.name, timeoutMs });
    } finally {
      cancel.abort();
    }
  }

  return { unary, stream };
}

async function* once<T>(value: T): AsyncGenerator<T, void, void> {
  yield value;
}
