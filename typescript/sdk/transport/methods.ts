import { QueryService } from "../gen/coral/colony/v1/query_pb.ts";
import { RuntimeService } from "../gen/coral/sdk/v1/runtime_pb.ts";

/** What can be called, by name. */
export const METHODS = { ...QueryService.method, ...RuntimeService.method };
