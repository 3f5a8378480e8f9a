import {
  create,
  type DescMessage,
  type DescMethod,
  fromBinary,
  type MessageInitShape,
  toBinary,
} from "@bufbuild/protobuf";
import { anyUnpack, timestampFromMs } from "@bufbuild/protobuf/wkt";
import {
  type End,
  type RequestFrame,
  RequestFrameSchema,
  ResponseFrameSchema,
} from "../gen/coral/sdk/v1/runtime_pb.ts";
import { ErrorInfoSchema, RetryInfoSchema } from "../gen/google/rpc/error_details_pb.ts";
import { StatusSchema } from "../gen/google/rpc/status_pb.ts";
import { runClock } from "../run_hooks.ts";
import { METHODS } from "./methods.ts";
import { milliseconds } from "../wire_time.ts";
import { errorOf, type Failure } from "./failures.ts";
import { Frames, type Place } from "./frames.ts";
import type { CallOptions, Request, Response, StreamMethod, Transport, UnaryMethod } from "./transport.ts";

const CREDIT_BYTES = 2 * 2 ** 20;
const GRACE_MS = 1_000; // the server's own end of a call comes first, with its own words
const CANCELLED = 1;
const DEADLINE_EXCEEDED = 4;
const ABORTED = 10;
const INTERNAL = 13;
const UNAVAILABLE = 14;

/** What came of a call, in order, until someone takes it. */
class Answer {
  readonly messages: Uint8Array[] = [];
  failure: Failure | undefined;
  ended = false;
  #wake: () => void = () => undefined;

  push(message: Uint8Array): void {
    this.messages.push(message);
    this.#wake();
  }

  end(failure?: Failure): void {
    if (this.ended) return;
    this.ended = true;
    this.failure = failure;
    this.#wake();
  }

  /** The next message; undefined at the end. */
  async next(): Promise<Uint8Array | undefined> {
    while (this.messages.length === 0 && !this.ended) {
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    return this.messages.shift();
  }
}

/**
 * A transport by frames; it connects at the first call and again after a loss.
 *
 * @param place Where they are served.
 * @param token What the first call brings.
 * @param about What errors say of the server, and what to do when it is not there.
 */
export function openFramed(
  place: Place,
  token: string,
  about: { address: string; hint: string },
): Transport {
  const calls = new Map<number, Answer>();
  let frames: Promise<Frames> | undefined;
  let greeted = false;
  let lastId = 0;

  function connect(): Promise<Frames> {
    greeted = false;
    const opened = Frames.open(place);
    opened.then((open) => open.read(receive)).then(() => lose(opened), (cause) => lose(opened, cause));
    return opened;
  }

  function lose(lost: Promise<Frames>, cause?: unknown): void {
    if (frames !== lost) return;
    frames = undefined;
    for (const answer of calls.values()) answer.end({ code: ABORTED, message: "", cause });
  }

  function receive(bytes: Uint8Array): void {
    const { callId, event } = fromBinary(ResponseFrameSchema, bytes);
    const answer = calls.get(callId);
    if (event.case === "response") answer?.push(event.value);
    else if (event.case === "end" && callId !== 0) answer?.end(failureOf(event.value));
    else if (event.case === "end") { for (const any of calls.values()) any.end(failureOf(event.value)); }
  }

  /** Makes a call; its messages are sent as they are taken. Ending the iteration early cancels it. */
  async function* run<M extends DescMethod>(
    method: M,
    request: MessageInitShape<DescMessage>,
    { timeoutMs, signal }: CallOptions,
  ): AsyncGenerator<Uint8Array, void, void> {
    const clock = runClock();
    const answer = new Answer();
    const callId = lastId = lastId % 0xffffffff + 1;
    const call = { ...about, method: method.name, timeoutMs };
    let late = false;
    const giveUp = () => {
      late = !answer.ended;
      answer.end({ code: DEADLINE_EXCEEDED, message: "" });
    };
    const abort = () => {
      late = !answer.ended;
      answer.messages.length = 0;
      answer.end({ code: CANCELLED, message: "cancelled by its signal" });
    };
    signal?.addEventListener("abort", abort, { once: true });
    if (signal?.aborted) abort();
    const timer = (clock?.setTimeout ?? setTimeout)(giveUp, timeoutMs + GRACE_MS);
    calls.set(callId, answer);
    /** Waits for an answer, over which a virtual clock must not jump. */
    const waiting = async <R>(answer: Promise<R>): Promise<R> => {
      clock?.busy(1);
      try {
        return await answer;
      } finally {
        clock?.busy(-1);
      }
    };
    let open: Frames | undefined;
    const send = (action: RequestFrame["action"]) =>
      open?.write(toBinary(RequestFrameSchema, create(RequestFrameSchema, { callId, action })));
    try {
      const message = toBinary(method.input, create(method.input, request));
      try {
        open = await waiting(frames ??= connect());
      } catch (cause) {
        throw errorOf({ code: UNAVAILABLE, message: "", why: String(cause), cause }, call);
      }
      open.ref(true);
      send(
        {
          case: "call",
          value: {
            method: `${method.parent.typeName}/${method.name}`,
            request: message,
            timeoutMs: BigInt(Math.ceil(timeoutMs)),
            token: greeted ? "" : token,
            creditBytes: BigInt(CREDIT_BYTES),
            now: clock && timestampFromMs(clock.now()),
          },
        } as RequestFrame["action"],
      );
      greeted = true;
      let taken = 0;
      for (let next; (next = await waiting(answer.next())) !== undefined;) {
        yield next;
        taken += next.length;
        if (taken < CREDIT_BYTES / 2) continue;
        send({ case: "credit", value: { bytes: BigInt(taken) } } as RequestFrame["action"]);
        taken = 0;
      }
      if (answer.failure !== undefined) throw errorOf(answer.failure, call);
    } finally {
      if (late || !answer.ended) send({ case: "cancel", value: {} } as RequestFrame["action"]);
      calls.delete(callId);
      (clock?.clearTimeout ?? clearTimeout)(timer);
      signal?.removeEventListener("abort", abort);
      if (calls.size === 0) open?.ref(false);
    }
  }

  async function unary<K extends UnaryMethod>(
    method: K,
    request: Request<K>,
    options: CallOptions,
  ): Promise<Response<K>> {
    const description = METHODS[method];
    let answer: Uint8Array | undefined;
    for await (const message of run(description, request, options)) answer = message;
    if (answer !== undefined) return fromBinary(description.output, answer) as Response<K>;
    const call = { ...about, method: description.name, timeoutMs: options.timeoutMs, hint: "" };
    throw errorOf({ code: INTERNAL, message: "there is no answer" }, call);
  }

  async function* stream<K extends StreamMethod>(
    method: K,
    request: Request<K>,
    options: CallOptions,
  ): AsyncGenerator<Response<K>, void, void> {
    const description = METHODS[method];
    for await (const message of run(description, request, options)) {
      yield fromBinary(description.output, message) as Response<K>;
    }
  }

  return { unary, stream };
}

function failureOf({ code, message, statusDetails }: End): Failure | undefined {
  if (code === 0) return undefined;
  const { details } = fromBinary(StatusSchema, statusDetails);
  const infos = details.map((any) => anyUnpack(any, ErrorInfoSchema));
  const delay = details.map((any) => anyUnpack(any, RetryInfoSchema)?.retryDelay).find(Boolean);
  const retryAfterMs = delay && milliseconds(delay);
  return { code, message, info: infos.find((info) => info?.domain === "coral"), retryAfterMs };
}
