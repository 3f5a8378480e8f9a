//= wants: to plant code beside the script, and to rewrite the script itself
for (const name of ["attack.ts", "lib.ts", "deno.json", "node_modules/x.js", ".git/hooks/post-commit", ".vscode/tasks.json"]) {
  try {
    const path = "@folder@/" + name;
    Deno.mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true });
    Deno.writeTextFileSync(path, "console.log('planted')");
    console.log("CAPTURED", name);
  } catch {
    // the next one
  }
}
