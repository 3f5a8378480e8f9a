import type { DescMethodServerStreaming, DescMethodUnary, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import type { QueryService } from "../gen/coral/colony/v1/query_pb.ts";
import type { Screen } from "../draw/screen.ts";
import type { RuntimeService } from "../gen/coral/sdk/v1/runtime_pb.ts";
import type { Mode } from "../params.ts";

/** Where the server is, and what this run may know. Written by `coral run`. */
export interface Connection {
  /** Which side the script runs on. */
  mode: Mode;
  /** `HOST:PORT`, for gRPC. */
  address: string;
  /** Path of a Unix socket, for frames, in place of the address. */
  socket?: string | null;
  /** `HOST:PORT` where the same colony serves frames to scripts of its machine; null for nowhere. */
  frames?: string | null;
  /** Whether to use TLS. */
  tls: boolean;
  /** The certificate authority to trust, PEM; null for the system's. */
  ca: string | null;
  /** Bearer token; null for none. */
  token: string | null;
  /** The script's parameters. */
  params: Record<string, unknown>;
  /** The text of those that were typed. */
  texts?: Record<string, string>;
  /** The script's file name, for people. */
  scriptName: string;
  /** What it prints on, where that is known. */
  screen?: Screen;
  /** UUID of the run. */
  executionId: string;
}

/** What gRPC needs of a connection. */
export type Endpoint = Pick<Connection, "address" | "tls" | "ca" | "token">;

type Methods = typeof QueryService["method"] & typeof RuntimeService["method"];

/** Methods with one answer. */
export type UnaryMethod = {
  [K in keyof Methods]: Methods[K] extends DescMethodUnary ? K : never;
}[keyof Methods];

/** Methods with many answers. */
export type StreamMethod = {
  [K in keyof Methods]: Methods[K] extends DescMethodServerStreaming ? K : never;
}[keyof Methods];

/** The request of a method; fields left out have their default. */
export type Request<K extends keyof Methods> = MessageInitShape<Methods[K]["input"]>;

/** The response of a method. */
export type Response<K extends keyof Methods> = MessageShape<Methods[K]["output"]>;

/** How to make a call. */
export interface CallOptions {
  /** Time until the call is given up, milliseconds. */
  timeoutMs: number;
  /** Ends the call when it is aborted, with the code CANCELLED. */
  signal?: AbortSignal;
}

/**
 * Carries calls of QueryService and RuntimeService to a server.
 *
 * Every failure is a `CoralError` with the server's reason where it gave one. An idle transport
 * never keeps the process alive. Calls may run at the same time.
 */
export interface Transport {
  /** Makes one call and waits for its answer. */
  unary<K extends UnaryMethod>(method: K, request: Request<K>, options: CallOptions): Promise<Response<K>>;
  /** Makes one call; the messages come in order. Ending the iteration early cancels the call. */
  stream<K extends StreamMethod>(
    method: K,
    request: Request<K>,
    options: CallOptions,
  ): AsyncGenerator<Response<K>, void, void>;
}
