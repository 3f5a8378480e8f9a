import { ConnectError } from "@connectrpc/connect";
import { CoralError } from "../errors.ts";
import { ErrorInfoSchema, RetryInfoSchema } from "../gen/google/rpc/error_details_pb.ts";
import { milliseconds } from "../wire_time.ts";
import { errorOf, type FailedCall } from "./failures.ts";

/** The error that a failed gRPC call stands for. */
export function fromGrpc(failure: unknown, call: FailedCall): CoralError {
  if (failure instanceof CoralError) return failure;
  const status = ConnectError.from(failure);
  const cause = rootOf(status);
  const info = status.findDetails(ErrorInfoSchema).find(({ domain }) => domain === "coral");
  const delay = status.findDetails(RetryInfoSchema)[0]?.retryDelay;
  const retryAfterMs = delay && milliseconds(delay);
  return errorOf({ code: status.code, message: status.rawMessage, info, retryAfterMs, why: why(cause), cause }, call);
}

/** The first error of a chain: what is around it tells of connect's layers only. */
function rootOf(error: Error): Error {
  return error.cause instanceof Error ? rootOf(error.cause) : error;
}

function why(cause: Error & { code?: unknown }): string {
  return cause.code === "ECONNREFUSED" ? "" : cause instanceof ConnectError ? cause.rawMessage : cause.message;
}
