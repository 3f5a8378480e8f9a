import { invalidArgument } from "./errors.ts";

/** Checks the name of a service, which is where a wrong order of arguments shows first. */
export function checkService(service: string): void {
  if (typeof service !== "string" || service === "") {
    throw invalidArgument(
      `service is ${JSON.stringify(service)}, expected a service's name`,
      "coral.services.list() gives the names",
    );
  }
}

/** Checks how many items a caller wants at most; Infinity is allowed. */
export function checkLimit(limit: number): void {
  if (!(limit >= 1 && (Number.isInteger(limit) || limit === Infinity))) {
    throw invalidArgument(`limit is ${limit}, expected a whole number from 1 on`, "Infinity asks for all");
  }
}
