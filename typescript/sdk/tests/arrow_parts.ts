// Messages of an ExecuteQuery stream with real Arrow in them.

import type { MessageInitShape } from "@bufbuild/protobuf";
import { int32, tableFromArrays, tableToIPC, utf8 } from "@uwdata/flechette";
import type { ExecuteQueryResponseSchema } from "../gen/coral/colony/v1/query_pb.ts";

type Part = MessageInitShape<typeof ExecuteQueryResponseSchema>;

/** Encapsulated messages of an IPC stream: schema, then batches. */
function messages(ipc: Uint8Array): Uint8Array[] {
  const view = new DataView(ipc.buffer, ipc.byteOffset, ipc.byteLength);
  const found: Uint8Array[] = [];
  let start = 0;
  while (start + 8 < ipc.length) {
    const metadata = view.getInt32(start + 4, true);
    const root = start + 8 + view.getInt32(start + 8, true);
    const vtable = root - view.getInt32(root, true);
    const hasBody = view.getUint16(vtable, true) > 10; // Message.bodyLength is left out where it is 0
    const bodyField = hasBody ? view.getUint16(vtable + 10, true) : 0;
    const body = bodyField === 0 ? 0 : Number(view.getBigInt64(root + bodyField, true));
    const end = start + 8 + metadata + body;
    found.push(ipc.subarray(start, end));
    start = end;
  }
  return found;
}

/** A header, and a batch of rows `{ n, name }` that count from `first`. */
export function parts(first: number, rows: number): { header: Part; batch: Part } {
  const n = Array.from({ length: rows }, (_, index) => first + index);
  const columns = { n, name: n.map((value) => `row ${value}`) };
  const ipc = tableToIPC(tableFromArrays(columns, { types: { n: int32(), name: utf8() } }), { format: "stream" });
  const [arrowSchema, ...batches] = messages(ipc!);
  const arrowBatch = new Uint8Array(batches.flatMap((batch) => [...batch]));
  return {
    header: { part: { case: "header", value: { arrowSchema } } },
    batch: { part: { case: "batch", value: { arrowBatch, rowCount: BigInt(rows) } } },
  };
}
