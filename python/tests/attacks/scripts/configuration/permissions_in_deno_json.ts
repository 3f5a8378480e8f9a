//= wants: rights, by a deno.json beside the script
/*= deno.json
{"permissions": {"default": {"read": true, "net": true, "env": true}}, "unstable": ["kv", "net", "worker-options", "ffi"]}
=*/
/*= deno.jsonc
{"permissions": {"default": {"all": true}}, /* and */ "allowScripts": true}
=*/
console.log("CAPTURED", Deno.readTextFileSync("/etc/passwd").split("\n")[0]);
