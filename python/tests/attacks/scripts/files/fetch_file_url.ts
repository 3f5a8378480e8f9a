//= wants: a file outside, by fetch, EventSource and XMLHttpRequest of a file: URL
for (const url of ["file://@outside@/secret.txt", "file://localhost@outside@/secret.txt", "FILE:///etc/passwd"]) {
  try {
    const text = await (await fetch(url)).text();
    if (/coral-secret-|root:/.test(text)) console.log("CAPTURED by", url);
  } catch {
    // the next one
  }
}
