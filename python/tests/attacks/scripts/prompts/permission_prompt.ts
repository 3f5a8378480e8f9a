//= wants: the user to grant a right, by a question of Deno's on the terminal
//= terminal: yes
//= bare: --no-remote
//= types: A\nA\n
//= seen: Deno requests|Allow\?
//= limit: 3
await Deno.permissions.request({ name: "read" });
try {
  console.log("CAPTURED", Deno.readTextFileSync("/etc/passwd").split("\n")[0]);
} catch {
  // refused
}
