//= wants: the same by the name of a module that cannot be loaded, which Coral and Deno both print
//= terminal: yes
//= seen: \x1b\]52;
try {
  await import("file:///absent/%1b]52;c;eA==%07.ts");
} catch (error) {
  console.log(decodeURIComponent(String(error)));
}
await import("/absent/%1b]52;c;eA==%07.ts");
