//= wants: rights, by asking for them
const names = ["read", "write", "net", "env", "run", "ffi", "sys", "import"] as Deno.PermissionName[];
for (const name of names) {
  const { state } = await Deno.permissions.request({ name } as Deno.PermissionDescriptor);
  if (state === "granted") console.log("CAPTURED", name);
}
