//= wants: the same by an error that Coral words itself
//= terminal: yes
//= seen: \x1b\]52;
try {
  await import("@coral/sdk");
} catch {
  // bare there is none
}
const error = Object.assign(new Error("failed \x1b]52;c;eA==\x07"), {
  name: "CoralError",
  reason: "UNREACHABLE",
  hint: "\x1b]52;c;eA==\x07 do that",
});
throw error;
