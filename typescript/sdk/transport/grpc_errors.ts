import { Code, ConnectError } from "@connectrpc/connect";
import { CoralError } from "../errors.ts";
import { ErrorInfoSchema } from "../gen/google/rpc/error_details_pb.ts";

/** The call that failed. */
interface FailedCall {
  address: string;
  method: string;
  timeoutMs: number;
}

/** The error that a failed gRPC call stands for: the server's own where it said one. */
export function fromGrpc(failure: unknown, call: FailedCall): CoralError {
  if (failure instanceof CoralError) return failure;
  const status = ConnectError.from(failure);
  const cause = rootOf(status);
  const code = Code[status.code].replace(/(?<=[a-z])(?=[A-Z])/g, "_").toUpperCase();
  const info = status.findDetails(ErrorInfoSchema).find(({ domain }) => domain === "coral");
  if (info !== undefined) {
    const { hint, ...metadata } = info.metadata;
    return new CoralError(status.rawMessage, { reason: info.reason, code, hint, metadata });
  }
  const metadata = { address: call.address };
  switch (status.code) {
    case Code.Unavailable:
      return new CoralError(`no colony answers at ${call.address}${why(cause)}`, {
        reason: "UNREACHABLE",
        code,
        hint: "check the address (--colony or CORAL_COLONY) and that `coral colony start` runs there",
        metadata,
        cause,
      });
    case Code.Aborted:
      return new CoralError(`the connection to ${call.address} broke during ${call.method}`, {
        reason: "UNREACHABLE",
        code,
        hint: "try again; the colony may have been restarted",
        metadata,
        cause,
      });
    case Code.DeadlineExceeded:
      return new CoralError(`${call.address} did not answer ${call.method} within ${call.timeoutMs / 1000} s`, {
        reason: "TIMEOUT",
        code,
        hint: "ask for less (a shorter window, fewer rows), or try again when the colony is less busy",
        metadata,
        cause,
      });
    default:
      return new CoralError(`${call.method} at ${call.address} failed: ${status.rawMessage}`, {
        reason: code,
        code,
        metadata,
        cause,
      });
  }
}

/** The first error of a chain: what is around it tells of connect's layers only. */
function rootOf(error: Error): Error {
  return error.cause instanceof Error ? rootOf(error.cause) : error;
}

function why(cause: Error & { code?: unknown }): string {
  return cause.code === "ECONNREFUSED" ? "" : `: ${cause instanceof ConnectError ? cause.rawMessage : cause.message}`;
}
