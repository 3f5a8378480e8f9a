//= wants: native code, by Deno.dlopen
for (const name of ["libc.so.6", "/lib/x86_64-linux-gnu/libc.so.6", "/usr/lib/aarch64-linux-gnu/libc.so.6"]) {
  try {
    const library = Deno.dlopen(name, { getpid: { parameters: [], result: "i32" } });
    console.log("CAPTURED", library.symbols.getpid());
    library.close();
  } catch {
    // the next one
  }
}
