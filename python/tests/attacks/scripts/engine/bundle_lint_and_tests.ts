//= wants: parts of Deno that run beside a script: bundler, tests, benchmarks, cron, jupyter, telemetry
//= bare: -A --unstable-cron --unstable-bundle
const other = Deno as unknown as Record<string, (...values: unknown[]) => Promise<unknown>>;
try {
  Deno.test("x", () => console.log("CAPTURED a test ran"));
} catch {
  // the next one
}
try {
  other.cron?.("x", "* * * * *", () => {});
  if (other.cron) console.log("CAPTURED a timetable");
} catch {
  // the next one
}
try {
  const made = await Promise.race([
    other.bundle?.({ entrypoints: ["@outside@/secret.ts"], write: false }),
    new Promise((done) => setTimeout(done, 50)),
  ]);
  if (made) console.log("CAPTURED", JSON.stringify(made).slice(0, 100));
} catch {
  // the next one
}
Deno.exit(0);
