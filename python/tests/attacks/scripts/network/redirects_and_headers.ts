//= wants: another host, by a Host header, a redirect that is followed, or user info in the URL
const urls = [
  "http://@colony@@127.0.0.1:@port@/",
  "http://127.0.0.1:@port@#@colony@",
  "http://127.0.0.1:@port@\\@@colony@/",
  "http://127.0.0.1:@port@?@colony@",
];
for (const url of urls) {
  try {
    await fetch(url, { signal: AbortSignal.timeout(800), headers: { host: "@colony@" } });
    console.log("CAPTURED", url);
  } catch {
    // the next one
  }
}
