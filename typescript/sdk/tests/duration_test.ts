import assert from "node:assert/strict";
import { describeDuration, type DurationInput, parseDuration } from "../duration.ts";
import { CoralError } from "../errors.ts";

const lengths: [DurationInput, bigint, number][] = [
  ["500ms", 0n, 500_000_000],
  ["5m", 300n, 0],
  ["1h30m", 5400n, 0],
  ["1.5s", 1n, 500_000_000],
  ["2d", 172_800n, 0],
  ["250us", 0n, 250_000],
  ["3ns", 0n, 3],
  [1500, 1n, 500_000_000],
  [0.5, 0n, 500_000],
];
for (const [input, seconds, nanos] of lengths) {
  Deno.test(`${JSON.stringify(input)} is a length of time`, () => {
    assert.deepEqual(parseDuration(input, "window"), { seconds, nanos });
  });
}

const unusable: unknown[] = ["", "5", "m", "5 m", "-5m", "5m!", "5x", "1e3s", "9999d", -1, NaN, Infinity, null, {}];
for (const input of unusable) {
  Deno.test(`${typeof input} ${JSON.stringify(input)} is no length of time`, () => {
    assert.throws(
      () => parseDuration(input as DurationInput, "window"),
      (error) =>
        error instanceof CoralError && error.reason === "INVALID_ARGUMENT" && /window/.test(error.message) &&
        error.hint !== undefined,
    );
  });
}

Deno.test("a window of nothing is refused, a threshold of nothing is not", () => {
  assert.throws(() => parseDuration("0s", "window"), CoralError);
  assert.deepEqual(parseDuration("0s", "threshold", "zero"), { seconds: 0n, nanos: 0 });
});

Deno.test("lengths are described in the unit that fits", () => {
  assert.deepEqual([300_000, 90_000, 500, "1h"].map(describeDuration), ["5m", "90s", "500ms", "1h"]);
});
