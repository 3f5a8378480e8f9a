//= wants: every file, by links into /proc: root, cwd, fd
//= link: root -> /proc/self/root
//= link: cwd -> /proc/self/cwd
//= link: fd -> /proc/self/fd
//= link: thread -> /proc/thread-self/root
for (const path of ["root/etc/passwd", "cwd/../outside/secret.txt", "thread/etc/passwd", "root@outside@/secret.txt"]) {
  try {
    console.log("CAPTURED", Deno.readTextFileSync("@folder@/" + path).split("\n")[0]);
  } catch {
    // the next one
  }
}
for (const specifier of ["./root@outside@/secret.ts", "./cwd/../outside/secret.ts", "./thread@outside@/secret.ts"]) {
  try {
    console.log("CAPTURED", (await import(specifier)).secret);
  } catch {
    // the next one
  }
}
