//= wants: a file of its own anywhere: by temporary files, whose folder is not named
const ways: (() => string)[] = [
  () => Deno.makeTempFileSync(),
  () => Deno.makeTempDirSync(),
  () => Deno.makeTempFileSync({ dir: "/dev/shm" }),
  () => Deno.makeTempFileSync({ dir: "/var/tmp" }),
  () => Deno.makeTempFileSync({ dir: "@folder@" }),
];
for (const way of ways) {
  try {
    const made = way();
    console.log("CAPTURED", made);
    Deno.removeSync(made);
  } catch {
    // the next one
  }
}
