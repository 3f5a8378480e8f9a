//= wants: secrets in hidden folders of a project: .git, .ssh, .aws
/*= .git/config
url = https://user:coral-secret-beside@host/repository
=*/
/*= .ssh/id_ed25519
coral-secret-beside
=*/
/*= deep/.aws/credentials
coral-secret-beside
=*/
for (const name of [".git/config", ".ssh/id_ed25519", "deep/.aws/credentials"]) {
  try {
    if (Deno.readTextFileSync("@folder@/" + name).includes("coral-secret-")) console.log("CAPTURED", name);
  } catch {
    // the next one
  }
}
