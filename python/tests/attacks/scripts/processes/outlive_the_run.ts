//= wants: a process that goes on when the run is over
const program = "import time; time.sleep(30)";
const child = new Deno.Command("python3", { args: ["-c", program], stdin: "null", stdout: "null", stderr: "null", detached: true }).spawn();
child.unref();
console.log("CAPTURED", child.pid);
Deno.exit(0);
