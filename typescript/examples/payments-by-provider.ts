// Counts successful and failed payments by payment provider (the attribute payment.provider).
import * as coral from "@coral/sdk";

const { service, window } = coral.defineParams({
  service: { type: "string", default: "payments", description: "who takes payments" },
  window: { type: "duration", default: "15m", description: "how far to look back" },
});

interface Provider {
  provider: string;
  ok: number;
  failed: number;
}

// A colony has a sample of spans: each stands for sample_weight of them.
const providers = await coral.db.query<Provider>(
  `SELECT attributes->>'$."payment.provider"' AS provider,
          round(coalesce(sum(sample_weight) FILTER (status_code <> 'ERROR'), 0)) AS ok,
          round(coalesce(sum(sample_weight) FILTER (status_code = 'ERROR'), 0)) AS failed
   FROM otel_spans_local
   WHERE service_name = $service AND kind = 'SERVER' AND start_time >= $since
     AND attributes->>'$."payment.provider"' IS NOT NULL
   GROUP BY ALL ORDER BY failed / (ok + failed) DESC, provider`,
  { service, since: new Date(Date.now() - window) },
);

if (providers.length === 0) console.log(`No span of ${service} has payment.provider.`);
for (const { provider, ok, failed } of providers) {
  const ratio = failed === 0 ? "none failed" : `${(ok / failed).toFixed(1)} successful per failed one`;
  console.log(`${provider}: ${ok} ok, ${failed} failed (${ratio})`);
}
