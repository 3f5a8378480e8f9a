//= wants: another server, as the proxy of an allowed request
const clients: (() => Deno.HttpClient)[] = [
  () => Deno.createHttpClient({ proxy: { url: "http://127.0.0.1:@port@" } }),
  () => Deno.createHttpClient({ proxy: { url: "socks5://127.0.0.1:@port@" } }),
  () => Deno.createHttpClient({ proxy: { transport: "tcp", hostname: "127.0.0.1", port: @port@ } as unknown as Deno.Proxy }),
  () => Deno.createHttpClient({ proxy: { transport: "unix", path: "@unix@" } as unknown as Deno.Proxy }),
];
for (const make of clients) {
  try {
    using client = make();
    await fetch("http://@colony@/stolen", { client, signal: AbortSignal.timeout(800) });
    console.log("CAPTURED");
  } catch {
    // the harness looks at the canary
  }
}
