/** What a {@link CoralError} is made from. */
export interface CoralErrorDetails {
  /** Why, as a constant: see {@link CoralError.reason}. */
  reason: string;
  /** The gRPC status code's name. */
  code: string;
  /** What to do about it. */
  hint?: string;
  /** Facts about the error, by name. */
  metadata?: Record<string, string>;
  /** The error underneath. */
  cause?: unknown;
  /** After how many milliseconds to try again. */
  retryAfterMs?: number;
}

/**
 * The one class of everything that this SDK throws.
 *
 * @example
 * ```ts
 * import * as coral from "@coral/sdk";
 *
 * try {
 *   await coral.db.query("SELECT * FROM nothing");
 * } catch (error) {
 *   if (!(error instanceof coral.CoralError)) throw error;
 *   console.error(error.reason, error.message, error.hint);
 * }
 * ```
 */
export class CoralError extends Error {
  /** `"CoralError"`, or the name of the subclass. */
  override readonly name: string = "CoralError";

  /**
   * Why, as a constant that programs can compare.
   *
   * From the server: `NO_DATA`, `INVALID_ARGUMENT`, `QUERY_REFUSED`, `QUERY_FAILED`,
   * `QUERY_TIMEOUT`, `OVERLOADED`, `UNAVAILABLE`, `NOT_FOUND`, `UNIMPLEMENTED`, `STORAGE`,
   * `QUOTA` (a run has used up what it may have).
   * From the SDK: `CANCELLED` (by its signal), `INVALID_ARGUMENT`, `NOT_FOUND`, `NO_CONNECTION` (not started by `coral run`),
   * `UNREACHABLE` (nobody answers at the address), `TIMEOUT` (no answer in time),
   * `INCOMPLETE_RESULT` (an answer broke off), `UNREADABLE_RESULT` (a column of an unknown type),
   * `INVALID_PARAMS` (see `defineParams`).
   * A gRPC code's name where a server that is no colony failed the call.
   */
  readonly reason: string;

  /** The gRPC status code's name, for example `NOT_FOUND`. */
  readonly code: string;

  /** What to do about it, where there is something to say. */
  readonly hint: string | undefined;

  /** Facts about the error, by name. */
  readonly metadata: Readonly<Record<string, string>>;

  /** After how many milliseconds the server would like to be asked again; undefined where it did not say. */
  readonly retryAfterMs: number | undefined;

  /** Made by the SDK; scripts only catch it. */
  constructor(message: string, details: CoralErrorDetails) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    // Deno shows a stack that was defined, but neither one that was assigned nor one that was read before.
    const stack = `${this.name}: ${message}\n${callers()}`;
    Object.defineProperty(this, "stack", { value: stack, writable: true, configurable: true });
    this.reason = details.reason;
    this.code = details.code;
    this.hint = details.hint;
    this.metadata = details.metadata ?? {};
    this.retryAfterMs = details.retryAfterMs;
  }
}

/** @internal Where we were called from, without places in the bundle and in Deno: they tell a script's author nothing. */
export function callers(): string {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 50; // the script's own lines lie below ours
  const frames = new Error().stack?.split("\n").slice(1) ?? [];
  Error.stackTraceLimit = limit;
  const bundle = import.meta.url;
  if (!bundle.endsWith("/mod.js")) return frames.join("\n");
  return frames.filter((line) => !line.includes(bundle) && !line.includes("(ext:")).join("\n");
}

/** What a question was about that has no answer. */
export interface NoDataSubject {
  /** The service asked for; undefined when the question was about all of them. */
  service: string | undefined;
  /** The metric asked for. */
  metric: string;
  /** How far was looked back, as it was asked for, for example `"5m"`. */
  window: string;
}

/**
 * There are no data to answer from. It is never answered by 0 or NaN.
 *
 * @example
 * ```ts
 * import * as coral from "@coral/sdk";
 *
 * try {
 *   console.log(await coral.metrics.getP99("payments"));
 * } catch (error) {
 *   if (!(error instanceof coral.NoDataError)) throw error;
 *   console.log(`${error.service} was idle for ${error.window}`);
 * }
 * ```
 */
export class NoDataError extends CoralError implements NoDataSubject {
  /** `"NoDataError"`. */
  override readonly name = "NoDataError";
  /** The service asked for; undefined when the question was about all of them. */
  readonly service: string | undefined;
  /** The metric asked for. */
  readonly metric: string;
  /** How far was looked back, as it was asked for, for example `"5m"`. */
  readonly window: string;

  /** Made by the SDK; scripts only catch it. */
  constructor(message: string, subject: NoDataSubject, details: CoralErrorDetails) {
    super(message, details);
    this.stack = this.stack?.replace("CoralError", this.name);
    this.service = subject.service;
    this.metric = subject.metric;
    this.window = subject.window;
  }
}

/** @internal The error of a caller's argument that cannot be used. */
export function invalidArgument(message: string, hint: string): CoralError {
  return new CoralError(message, { reason: "INVALID_ARGUMENT", code: "INVALID_ARGUMENT", hint });
}

/** @internal Waits for an answer and gives the reason `NO_DATA` its own class. */
export async function orNoData<T>(answer: Promise<T>, subject: NoDataSubject): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof CoralError && error.reason === "NO_DATA") {
      throw new NoDataError(error.message, subject, error);
    }
    throw error;
  }
}
