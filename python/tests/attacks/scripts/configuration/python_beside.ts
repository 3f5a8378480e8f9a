//= wants: Coral itself, by Python modules beside the script
/*= sitecustomize.py
print("CAPTURED Coral's own process")
=*/
/*= coral/__init__.py
print("CAPTURED Coral's own process")
=*/
/*= click.py
print("CAPTURED Coral's own process")
=*/
/*= _signal.py
print("CAPTURED Coral's own process")
=*/
try {
  const made = new Deno.Command("python3", { args: ["-c", "import click"], cwd: "@folder@", stderr: "null" }).outputSync();
  console.log(new TextDecoder().decode(made.stdout));
} catch {
  // the harness looks for what Coral's process prints
}
