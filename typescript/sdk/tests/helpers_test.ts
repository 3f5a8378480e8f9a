import assert from "node:assert/strict";
import * as coral from "../mod.ts";
import { connect, serve } from "./server.ts";

Deno.test("a percentile is nanoseconds as a plain number", async () => {
  await using server = await serve({
    getPercentile: (request) => {
      assert.equal(request.service, "payments");
      assert.equal(request.metric, "http.server.duration");
      assert.equal(request.percentile, 0.99);
      assert.equal(request.window?.seconds, 300n);
      return { value: 892_100_000, unit: "ns", sampleCount: 10n };
    },
  });
  connect(server.address);
  assert.equal(await coral.metrics.getPercentile("payments", "http.server.duration", 0.99), 892_100_000);
  assert.equal(await coral.metrics.getP99("payments"), 892_100_000);
  assert.equal(await coral.metrics.getP99Ms("payments"), 892.1);
});
