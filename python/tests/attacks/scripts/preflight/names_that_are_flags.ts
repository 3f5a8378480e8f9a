//= wants: flags of Deno, by the script's own name
//= main: --allow-all.ts
console.log("CAPTURED", Deno.readTextFileSync("/etc/passwd").split("\n")[0]);
