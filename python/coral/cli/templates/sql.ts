/** Asks in SQL: which operations take the most time (-o csv, -o json for a program). */
import * as coral from "@coral/sdk";

const params = coral.defineParams({
  limit: { type: "integer", default: 10, min: 1, max: 1000, description: "Rows at most" },
});

// `coral query "SELECT * FROM table_catalogue"` lists the tables that can be asked.
const rows = await coral.db.query(
  `SELECT service_name, span_name, count(*) AS spans, sum(duration_ns) / 1e6 AS total_ms
   FROM otel_spans_local
   GROUP BY ALL
   ORDER BY total_ms DESC
   LIMIT ?`,
  [params.limit],
);
coral.output(rows);
