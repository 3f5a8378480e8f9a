//= wants: a file outside by a short name, after changing into its folder
import process from "node:process";
for (const change of [() => Deno.chdir("@outside@"), () => process.chdir("@outside@"), () => Deno.chdir("..")]) {
  try {
    change();
  } catch {
    // it may be there already
  }
  for (const name of ["secret.txt", "./secret.txt", "outside/secret.txt"]) {
    try {
      console.log("CAPTURED", Deno.readTextFileSync(name).trim());
    } catch {
      // the next one
    }
  }
}
