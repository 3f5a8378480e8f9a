import { CoralError } from "../errors.ts";

/** What to do when no colony answers. */
export const COLONY_HINT = "check the address (--colony or CORAL_COLONY) and that `coral colony start` runs there";

/** The call that failed. */
export interface FailedCall {
  /** Where it went. */
  address: string;
  /** The RPC's name. */
  method: string;
  /** Time that it had, milliseconds. */
  timeoutMs: number;
  /** What to do when nobody answers there. */
  hint: string;
}

/** How a call ended, as gRPC tells it. */
export interface Failure {
  /** Status code. */
  code: number;
  /** For people. */
  message: string;
  /** google.rpc.ErrorInfo of the domain "coral", where the server sent one. */
  info?: { reason: string; metadata: Record<string, string> };
  /** After how many milliseconds to try again, where the server said it. */
  retryAfterMs?: number;
  /** Why nobody answers, for people. */
  why?: string;
  /** The error underneath. */
  cause?: unknown;
}

const CODES = [
  "OK",
  "CANCELLED",
  "UNKNOWN",
  "INVALID_ARGUMENT",
  "DEADLINE_EXCEEDED",
  "NOT_FOUND",
  "ALREADY_EXISTS",
  "PERMISSION_DENIED",
  "RESOURCE_EXHAUSTED",
  "FAILED_PRECONDITION",
  "ABORTED",
  "OUT_OF_RANGE",
  "UNIMPLEMENTED",
  "INTERNAL",
  "UNAVAILABLE",
  "DATA_LOSS",
  "UNAUTHENTICATED",
];

/** The error that a failed call stands for, whatever carried it: the server's own where it said one. */
export function errorOf(failure: Failure, { address, method, timeoutMs, hint }: FailedCall): CoralError {
  const { message, info, why, cause, retryAfterMs } = failure;
  const code = CODES[failure.code] ?? "UNKNOWN";
  if (info !== undefined) {
    const { hint, ...metadata } = info.metadata;
    return new CoralError(message, { reason: info.reason, code, hint, metadata, retryAfterMs });
  }
  const details = { code, metadata: { address }, cause };
  switch (code) {
    case "UNAVAILABLE":
      return new CoralError(`no colony answers at ${address}${why ? `: ${why}` : ""}`, {
        ...details,
        reason: "UNREACHABLE",
        hint,
      });
    case "ABORTED":
      return new CoralError(`the connection to ${address} broke during ${method}`, {
        ...details,
        reason: "UNREACHABLE",
        hint: "try again; the colony may have been restarted",
      });
    case "DEADLINE_EXCEEDED":
      return new CoralError(`${address} did not answer ${method} within ${timeoutMs / 1000} s`, {
        ...details,
        reason: "TIMEOUT",
        hint: "ask for less (a shorter window, fewer rows), or try again when the colony is less busy",
      });
    default:
      return new CoralError(`${method} at ${address} failed: ${message}`, { ...details, reason: code });
  }
}
