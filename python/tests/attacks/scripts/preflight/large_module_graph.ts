//= wants: to hold Coral up by the depth of an import graph that grows as it is read
//= limit: 2
let code = "postMessage(1);export const x = 1;";
for (let number = 0; number < 12; number++) {
  const url = "data:text/javascript," + encodeURIComponent(code);
  code = `import "${url}";import "${url}#2";${number}`;
  if (code.length > 5_000_000) break;
}
try {
  await import("data:text/javascript," + encodeURIComponent(code.replaceAll("postMessage(1);", "")));
} catch {
  // too large
}
const end = performance.now() + 4500;
while (performance.now() < end);
console.log("CAPTURED more time than its limit");
