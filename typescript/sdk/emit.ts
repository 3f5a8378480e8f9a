import { type CallOptions, callOptions } from "./call_options.ts";
import { call, run } from "./connection.ts";
import { invalidArgument } from "./errors.ts";
import { type Severity, severityOf } from "./severity.ts";
import { timestampOf } from "./wire_time.ts";

/** How an event is emitted. */
export interface EmitOptions extends CallOptions {
  /** How grave the event is. Default: `data.severity`, else `"info"`. */
  severity?: Severity;
}

/**
 * Emits an event: the colony stores it, `coral events` shows it, and `coral run` writes it to stderr as it happens.
 *
 * A run may emit 20 events per second (100 at once) and 10,000 in all. The SDK waits when it is faster, for up to 30 s.
 *
 * @param name The event's type, for example `"alert"`; at most 255 characters.
 * @param data What happened, as JSON of at most 64 KiB. Dates become text, large integers (`bigint`) too when a
 *   number cannot hold them.
 * @default data {}
 * @param options How grave it is.
 * @returns When the event is durable.
 * @throws {CoralError} `INVALID_ARGUMENT` when an argument cannot be used, `QUOTA` when the run has emitted all that it
 *   may, `OVERLOADED`, `UNREACHABLE`, `TIMEOUT`, `NO_CONNECTION`.
 *
 * @example
 * ```ts
 * import * as coral from "@coral/sdk";
 *
 * await coral.emit("alert", { severity: "warning", message: "P99 latency exceeded 500ms", service: "payments" });
 * await coral.emit("checked", { services: 12 });
 * ```
 */
export async function emit(name: string, data: object = {}, options: EmitOptions = {}): Promise<void> {
  const how = callOptions(options, "emit", ["severity"]);
  if (typeof name !== "string" || name === "") {
    throw invalidArgument(`name is ${JSON.stringify(name)}, expected an event's type`, 'for example "alert"');
  }
  if (Object(data) !== data || Array.isArray(data)) {
    throw invalidArgument(`data is ${JSON.stringify(data)}, expected an object`, "put the value into one: { value }");
  }
  const { severity: own, message, ...rest } = data as Record<string, unknown>;
  const severity = (options.severity ?? own ?? "info") as Severity;
  const number = severityOf(severity, options.severity === undefined ? "data.severity" : "severity");
  const { mode, executionId, scriptName } = run();
  if (mode === "cli") {
    const said = typeof message === "string" ? [` ${message}`] : [];
    const more = said.length > 0 ? rest : { ...rest, message };
    const shown = toJson(more);
    console.error(`[${severity}] ${name}:${said.concat(shown === "{}" ? [] : [` ${shown}`]).join("")}`);
  }
  await call("emit", {
    eventId: crypto.randomUUID(), // a retry carries it too, so the event is stored once
    name,
    data: toJson(data),
    severity: number,
    timestamp: timestampOf(new Date()),
    executionId,
    scriptName,
  }, how);
}

/**
 * Says that the script is alive. A deployed script that says nothing for 90 s is stopped.
 *
 * Any other call of the SDK counts as one too, so only a script that computes for long without asking needs it.
 * Under `coral run` nobody waits for it, and it does nothing.
 *
 * @param options Of the call.
 * @throws {CoralError} `INVALID_ARGUMENT`; on an agent `UNREACHABLE`, `TIMEOUT`, `CANCELLED`.
 *
 * @example
 * ```ts
 * import * as coral from "@coral/sdk";
 *
 * for (let round = 0; round < 3; round++) {
 *   // ... a long computation ...
 *   await coral.heartbeat();
 * }
 * ```
 */
export async function heartbeat(options: CallOptions = {}): Promise<void> {
  const how = callOptions(options, "heartbeat");
  if (run().mode === "agent") await call("heartbeat", {}, how);
}

function toJson(data: object): string {
  return JSON.stringify(data, (_, value) => {
    if (typeof value !== "bigint") return value;
    return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  });
}
