// A real gRPC server in the test's process, with answers that each test gives.

import type { ConnectRouter, ServiceImpl } from "@connectrpc/connect";
import { Code, ConnectError } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import http2 from "node:http2";
import type { AddressInfo } from "node:net";
import { QueryService } from "../gen/coral/colony/v1/query_pb.ts";
import { RuntimeService } from "../gen/coral/sdk/v1/runtime_pb.ts";
import { ErrorInfoSchema, RetryInfoSchema } from "../gen/google/rpc/error_details_pb.ts";

export type Answers = Partial<ServiceImpl<typeof QueryService>> & Partial<ServiceImpl<typeof RuntimeService>>;

export interface TestServer extends AsyncDisposable {
  /** `HOST:PORT`. */
  address: string;
}

/** Starts a server, on a free port unless told otherwise. Methods without an answer are UNIMPLEMENTED. */
export async function serve(answers: Answers, { port = 0 }: { port?: number } = {}): Promise<TestServer> {
  const handler = connectNodeAdapter({
    routes: (router: ConnectRouter) => router.service(QueryService, answers).service(RuntimeService, answers),
  });
  const server = http2.createServer(handler);
  const sessions = new Set<http2.ServerHttp2Session>();
  server.on("session", (session) => {
    sessions.add(session);
    session.on("close", () => sessions.delete(session));
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const session of sessions) session.destroy();
      await closed;
    },
  };
}

/** The error that a colony answers with: a status with google.rpc.ErrorInfo. */
export function failure(
  code: Code,
  reason: string,
  message: string,
  metadata: Record<string, string> = {},
  retryAfterMs?: number,
): ConnectError {
  const info = { desc: ErrorInfoSchema, value: { reason, domain: "coral", metadata } };
  if (retryAfterMs === undefined) return new ConnectError(message, code, undefined, [info]);
  const retryDelay = { seconds: BigInt(Math.floor(retryAfterMs / 1000)), nanos: (retryAfterMs % 1000) * 1e6 };
  return new ConnectError(message, code, undefined, [info, { desc: RetryInfoSchema, value: { retryDelay } }]);
}

export { Code };

/** Points the SDK at a server, as `coral run` does. */
export function connect(address: string, more: Record<string, unknown> = {}): void {
  (globalThis as Record<symbol, unknown>)[Symbol.for("coral.connection")] = {
    mode: "cli",
    address,
    tls: false,
    ca: null,
    token: null,
    params: {},
    scriptName: "test.ts",
    executionId: "00000000-0000-4000-8000-000000000001",
    ...more,
  };
}
