import type { Connection } from "./transport/transport.ts";

const VARIABLE = "CORAL_CONNECTION";
let asked = false;

/** What of Deno this needs: the SDK's types do not depend on Deno's. */
interface Runtime {
  Deno?: {
    env: { get(name: string): string | undefined };
    permissions: { querySync(descriptor: { name: "env"; variable: string }): { state: string } };
    readTextFileSync(path: string): string;
  };
}

/**
 * What `coral run` has put into the environment, for workers too: the connection as JSON, or `@` and the path of a file
 * that holds it. Undefined the second time, and where nothing is there.
 */
export function handedOver(): Connection | undefined {
  const { Deno } = globalThis as Runtime;
  if (asked || !Deno) return undefined;
  asked = true;
  // Asked first: a program of somebody's own shall not be stopped by a question of Deno's.
  if (Deno.permissions.querySync({ name: "env", variable: VARIABLE }).state !== "granted") return undefined;
  const text = Deno.env.get(VARIABLE);
  if (!text) return undefined;
  return JSON.parse(text.startsWith("@") ? Deno.readTextFileSync(text.slice(1)) : text);
}
