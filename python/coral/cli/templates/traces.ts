/** Shows the slowest traces of every service, and the slowest spans in them. */
import * as coral from "@coral/sdk";

const params = coral.defineParams({
  slower: { type: "string", default: "100ms", description: "Duration that counts as slow" },
  window: { type: "string", default: "15m", description: "How far to look back" },
});

for (const service of await coral.services.list()) {
  const slow = await service.traces.findSlow(params.slower, { window: params.window, limit: 3 });
  for (const { traceId, durationMs } of slow) {
    console.log(`${service.name}: ${durationMs.toFixed(1)} ms, trace ${traceId}`);
    try {
      const { spans } = await coral.traces.get(traceId);
      const slowest = spans.sort((a, b) => b.durationMs - a.durationMs).slice(0, 5);
      for (const span of slowest) {
        console.log(
          `  ${span.durationMs.toFixed(1).padStart(8)} ms  ${span.serviceName}  ${span.name}`,
        );
      }
    } catch (error) {
      // The colony keeps a sample of all traces.
      if (!(error instanceof coral.CoralError) || error.reason !== "NOT_FOUND") throw error;
    }
  }
}
