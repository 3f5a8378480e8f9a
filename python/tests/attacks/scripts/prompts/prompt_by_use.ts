//= wants: the same by just using what needs a right
//= terminal: yes
//= bare: --no-remote
//= types: y\ny\ny\n
//= seen: Deno requests|Allow\?
//= limit: 3
for (const use of [() => Deno.env.get("CORAL_TOKEN"), () => Deno.readTextFileSync("/etc/passwd"), () => new Deno.Command("true").outputSync()]) {
  try {
    console.log("CAPTURED", String(use()).split("\n")[0]);
  } catch {
    // refused
  }
}
