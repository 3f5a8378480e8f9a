//= wants: to hold Coral up in folders that contain themselves
//= link: a/b/up -> ..
//= link: a/self -> .
//= link: loop -> loop
//= link: a/b/top -> ../..
//= link: out -> @outside@
const deep = "@folder@/" + "a/self/b/up/".repeat(12) + "../out/secret.txt";
for (const path of [deep, "@folder@/a/b/top/out/secret.txt", "@folder@/out/secret.txt"]) {
  try {
    console.log("CAPTURED", Deno.readTextFileSync(path).trim());
  } catch {
    // the next one
  }
}
