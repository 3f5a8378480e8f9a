//= wants: to leave something for the next run, by the caches of the web
//= runs: 2
const cache = await caches.open("left");
const before = await cache.match("http://left.test/x");
await cache.put("http://left.test/x", new Response("by the first run"));
if (before) console.log("CAPTURED", await before.text());
