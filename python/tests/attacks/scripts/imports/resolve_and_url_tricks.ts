//= wants: a file outside, by specifiers that are made of import.meta.resolve, URLs with users, ports and dots
const outside = "@outside@";
const found: string[] = [];
const forms = [
  import.meta.resolve(outside + "/secret.json"),
  new URL("file://" + outside + "/./x/../secret.json").href,
  "file:" + outside + "/secret.json",
  "file:////" + outside.slice(1) + "/secret.json",
  "file://" + outside.replaceAll("/", "//") + "/secret.json",
  "file://" + outside + "/secret.json?x#y",
  "file://" + outside.split("").map((c) => c === "/" ? c : "%" + c.charCodeAt(0).toString(16)).join("") + "/secret.json",
  "FiLe://" + outside + "/secret.json",
  "file:\\\\" + outside.replaceAll("/", "\\") + "\\secret.json",
  " file://" + outside + "/secret.json ",
  "fi\tle://" + outside + "/secret.json",
];
for (const form of forms) {
  for (const type of ["json", "text", "bytes"]) {
    try {
      const module = await import(form, { with: { type } });
      const value = module.default;
      found.push(type === "bytes" ? new TextDecoder().decode(value) : JSON.stringify(value));
    } catch {
      // the next one
    }
  }
}
if (found.length) console.log("CAPTURED", found[0]);
