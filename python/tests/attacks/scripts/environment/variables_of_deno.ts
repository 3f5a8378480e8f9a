//= wants: settings of Deno that only the caller's environment makes: telemetry, coverage, proxies
const { telemetry } = Deno as unknown as { telemetry?: { tracerProvider?: object } };
try {
  const names = ["OTEL_DENO", "HTTP_PROXY", "SSLKEYLOGFILE", "DENO_V8_FLAGS", "DENO_COVERAGE_DIR", "PATH", "TMPDIR"];
  const set = names.filter((name) => Deno.env.has(name));
  if (set.length) console.log("CAPTURED", set.join(" "), telemetry === undefined);
} catch {
  // refused
}
