//= wants: the users of this machine, by Deno.readTextFile
const text = await Deno.readTextFile("/etc/passwd");
if (text.includes("root:")) console.log("CAPTURED", text.split("\n")[0]);
