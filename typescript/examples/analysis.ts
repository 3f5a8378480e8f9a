// Warns about every service whose P99 is over a threshold (milliseconds; --param threshold=250).
import * as coral from "@coral/sdk";

const threshold: number = coral.params.threshold ?? 500;

const svcs = await coral.services.list();
for (const svc of svcs) {
  try {
    const p99 = await svc.metrics.getP99("http.server.duration") / 1_000_000; // ns to ms
    if (p99 > threshold) {
      console.log(`⚠️ ${svc.name}: ${p99.toFixed(1)}ms`);
    } else {
      console.log(`✓ ${svc.name}: ${p99.toFixed(1)}ms`);
    }
  } catch (error) {
    if (!(error instanceof coral.NoDataError)) throw error;
    console.log(`- ${svc.name}: no requests in the last ${error.window}`);
  }
}
if (svcs.length === 0) console.log("No service has sent anything yet.");
