// A framed server in the test's process, with answers that each test gives: `server.ts` over a Unix socket.

import { create, type DescMessage, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { ConnectError } from "@connectrpc/connect";
import { QueryService } from "../gen/coral/colony/v1/query_pb.ts";
import { type Call, RequestFrameSchema, ResponseFrameSchema, RuntimeService } from "../gen/coral/sdk/v1/runtime_pb.ts";
import { StatusSchema } from "../gen/google/rpc/status_pb.ts";
import type { Answers } from "./server.ts";

export const TOKEN = "a token";

export interface FramedTestServer extends AsyncDisposable {
  /** Path of the socket. */
  socket: string;
  /** Calls that came, in order. */
  calls: Call[];
  /** Credit that was granted, bytes, by call. */
  credit: Map<number, bigint>;
  /** Ends every connection. */
  drop(): void;
}

/** Starts a server. It sends streams without asking for credit, but counts it. */
export async function serveFramed(answers: Answers): Promise<FramedTestServer> {
  const folder = await Deno.makeTempDir({ prefix: "coral" });
  const socket = `${folder}/s`;
  const listener = Deno.listen({ transport: "unix", path: socket });
  const open = new Set<Deno.Conn>();
  const calls: Call[] = [];
  const credit = new Map<number, bigint>();
  const serving = (async () => {
    for await (const connection of listener) {
      open.add(connection);
      serveConnection(connection, answers, calls, credit).catch(() => undefined).finally(() => open.delete(connection));
    }
  })();
  const drop = () => {
    for (const connection of open) {
      try {
        connection.close();
      } catch {
        // the client was first
      }
    }
  };
  return {
    socket,
    calls,
    credit,
    drop,
    [Symbol.asyncDispose]: async () => {
      listener.close();
      drop();
      await serving;
      await Deno.remove(folder, { recursive: true });
    },
  };
}

async function serveConnection(
  connection: Deno.Conn,
  answers: Answers,
  calls: Call[],
  credit: Map<number, bigint>,
): Promise<void> {
  const aborts = new Map<number, AbortController>();
  const reader = connection.readable.getReader();
  let bytes = new Uint8Array();
  const take = async (count: number): Promise<Uint8Array> => {
    while (bytes.length < count) {
      const { value, done } = await reader.read();
      if (done) throw new Error("the end");
      const joined = new Uint8Array(bytes.length + value.length);
      joined.set(bytes);
      joined.set(value, bytes.length);
      bytes = joined;
    }
    const taken = bytes.slice(0, count);
    bytes = bytes.slice(count);
    return taken;
  };
  const writer = connection.writable.getWriter();
  const send = (frame: MessageInitShape<typeof ResponseFrameSchema>): void => {
    const encoded = toBinary(ResponseFrameSchema, create(ResponseFrameSchema, frame));
    const whole = new Uint8Array(4 + encoded.length);
    new DataView(whole.buffer).setUint32(0, encoded.length);
    whole.set(encoded, 4);
    writer.write(whole).catch(() => undefined);
  };
  try {
    for (;;) {
      const length = new DataView((await take(4)).buffer).getUint32(0);
      const { callId, action } = fromBinary(RequestFrameSchema, await take(length));
      if (action.case === "cancel") aborts.get(callId)?.abort();
      if (action.case === "credit") credit.set(callId, (credit.get(callId) ?? 0n) + action.value.bytes);
      if (action.case !== "call") continue;
      if (calls.push(action.value) === 1 && action.value.token !== TOKEN) throw new Error("no token");
      const abort = new AbortController();
      aborts.set(callId, abort);
      answer(
        answers,
        action.value,
        abort.signal,
        (response) => send({ callId, event: { case: "response", value: response } }),
      )
        .then(() => ({}), statusOf)
        .then((end) => abort.signal.aborted || send({ callId, event: { case: "end", value: end } }));
    }
  } finally {
    for (const abort of aborts.values()) abort.abort();
  }
}

async function answer(
  answers: Answers,
  call: Call,
  signal: AbortSignal,
  respond: (message: Uint8Array) => void,
): Promise<void> {
  const served = [...QueryService.methods, ...RuntimeService.methods];
  const description = served.find((method) => call.method === `${method.parent.typeName}/${method.name}`);
  // deno-lint-ignore no-explicit-any -- one server for all methods
  const handler = description && (answers as any)[description.localName];
  if (description === undefined || handler === undefined) throw new ConnectError("not served", 12);
  const request = fromBinary(description.input, call.request);
  // deno-lint-ignore no-explicit-any -- likewise
  const encode = (message: any) => toBinary(description.output, create(description.output, message));
  const given = handler(request, { signal });
  if (description.methodKind === "unary") return respond(encode(await given));
  for await (const message of given) {
    if (signal.aborted) return;
    respond(encode(message));
  }
}

function statusOf(error: unknown): { code: number; message: string; statusDetails: Uint8Array } {
  const { code, rawMessage, details } = ConnectError.from(error);
  const infos = details.map((detail) => {
    const { desc, value } = detail as { desc: DescMessage; value: MessageInitShape<DescMessage> };
    return anyPack(desc, create(desc, value));
  });
  const status = create(StatusSchema, { code, message: rawMessage, details: infos });
  return { code, message: rawMessage, statusDetails: toBinary(StatusSchema, status) };
}
