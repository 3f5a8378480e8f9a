// Prints P50, P99 and the error rate of every service, then which are worst (--param window=15m).
import * as coral from "@coral/sdk";

const window: string = coral.params.window ?? "5m";

interface Line {
  name: string;
  p50: number;
  p99: number;
  errorRate: number;
}

async function measure(svc: coral.ServiceHandle): Promise<Line | null> {
  try {
    const [p50, p99, errorRate] = await Promise.all([
      svc.metrics.getP50Ms("http.server.duration", window),
      svc.metrics.getP99Ms("http.server.duration", window),
      svc.metrics.getErrorRate(window),
    ]);
    return { name: svc.name, p50, p99, errorRate };
  } catch (error) {
    if (error instanceof coral.NoDataError) return null;
    throw error;
  }
}

const svcs = await coral.services.list();
const lines = await Promise.all(svcs.map(measure));

console.log("Service Latency Report");
svcs.forEach((svc, index) => {
  const line = lines[index];
  console.log(`\n${svc.name}:`);
  if (line === null) {
    console.log(`  no requests in the last ${window}`);
    return;
  }
  console.log(`  P50: ${line.p50.toFixed(1)}ms`);
  console.log(`  P99: ${line.p99.toFixed(1)}ms`);
  console.log(`  Errors: ${(line.errorRate * 100).toFixed(2)}%`);
});

const measured = lines.filter((line) => line !== null);
if (measured.length > 1) {
  const slowest = measured.reduce((a, b) => b.p99 > a.p99 ? b : a);
  const failing = measured.reduce((a, b) => b.errorRate > a.errorRate ? b : a);
  console.log(`\n%cSlowest: ${slowest.name} (P99 ${slowest.p99.toFixed(1)}ms)`, "color: yellow");
  if (failing.errorRate > 0) {
    console.log(`%cMost errors: ${failing.name} (${(failing.errorRate * 100).toFixed(2)}%)`, "color: red");
  }
} else if (svcs.length === 0) {
  console.log("\nNo service has sent anything yet.");
}
