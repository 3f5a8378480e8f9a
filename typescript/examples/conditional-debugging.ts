// Says where to attach a probe to a function, but only when the service's error rate is over a threshold.
import * as coral from "@coral/sdk";

const { service, functionName, errorRate } = coral.defineParams({
  service: { type: "string", default: "payments", description: "whom to watch" },
  functionName: { type: "string", default: "ProcessPayment", description: "what to look into" },
  errorRate: { type: "number", default: 0.01, description: "share of failed requests that is too high, 0 to 1" },
});

const { errorRate: rate, errorCount } = await coral.metrics.getRequests(service, "5m");
if (rate <= errorRate) {
  console.log(`${service}: ${(rate * 100).toFixed(2)}% of requests failed, nothing to look into`);
} else {
  console.log(`${service}: ${(rate * 100).toFixed(2)}% of requests failed (${errorCount})`);
  const wanted = { service, function: functionName, error_rate: rate };
  try {
    const fn = await coral.functions.get(service, functionName);
    await coral.emit("probe_wanted", { ...wanted, binary: fn.binary, offset: fn.offsetBytes, line: fn.line });
    console.log(
      `attach to ${fn.name} in ${fn.binary} at offset ${fn.offsetBytes ?? "unknown"} (${fn.file}:${fn.line})`,
    );
  } catch (error) {
    // The program may run where no agent sees it, or be written in a language whose functions are not read yet.
    if (!(error instanceof coral.CoralError) || !["NOT_FOUND", "UNIMPLEMENTED"].includes(error.reason)) throw error;
    await coral.emit("probe_wanted", { ...wanted, severity: "warning", message: error.message });
    console.log(`no place for a probe is known: ${error.message}`);
  }
}
