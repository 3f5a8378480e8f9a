// Shows what failed spans have in common: values of attributes that are more frequent among them.
import * as coral from "@coral/sdk";

const { service, window } = coral.defineParams({
  service: { type: "string", default: "", description: "only this service" },
  window: { type: "duration", default: "15m", description: "how far to look back" },
});

interface Found {
  attribute: string;
  value: string;
  failed: number;
  total: number;
}

// A colony has a sample of spans: each stands for sample_weight of them.
const found = await coral.db.query<Found>(
  `WITH spans AS (
     SELECT attributes, status_code = 'ERROR' AS bad, sample_weight FROM otel_spans_local
     WHERE start_time >= $since AND ($service = '' OR service_name = $service)
   ),
   facts AS (
     SELECT unnest(json_keys(attributes)) AS attribute, attributes, bad, sample_weight FROM spans
   )
   SELECT attribute, json_extract_string(attributes, '$."' || attribute || '"') AS value,
          sum(sample_weight) FILTER (bad) AS failed, sum(sample_weight) AS total
   FROM facts GROUP BY ALL HAVING sum(sample_weight) FILTER (bad) > 0
   ORDER BY failed / total DESC, failed DESC, attribute, value LIMIT 10`,
  { service, since: new Date(Date.now() - window) },
);

if (found.length === 0) console.log("No span has failed.");
for (const { attribute, value, failed, total } of found) {
  const share = ((failed / total) * 100).toFixed(1);
  console.log(`${attribute} = ${value}: ${share}% of ${Math.round(total)} failed`);
}
if (found.completeness.sampled) console.error("(from a sample of spans)");
