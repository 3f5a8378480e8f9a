//= wants: to notice what the user does: by watching folders, locks and the load of the machine
const ways: Record<string, () => unknown> = {
  watchHome: () => Deno.watchFs("@home@").close(),
  loadavg: () => Deno.loadavg()[0],
  uptime: () => Deno.osUptime(),
  network: () => Deno.networkInterfaces().length,
  memory: () => Deno.systemMemoryInfo().total,
  terminals: () => [...Deno.readDirSync("/dev/pts")].length,
  pressure: () => Deno.readTextFileSync("/proc/loadavg"),
};
for (const [name, way] of Object.entries(ways)) {
  try {
    console.log("CAPTURED", name, way());
  } catch {
    // the next one
  }
}
