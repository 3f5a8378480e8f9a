//= wants: the credentials of a cloud's metadata service; 127.0.0.2 stands in for 169.254.169.254
try {
  const answer = await fetch("http://127.0.0.2:@port@/latest/meta-data/iam/security-credentials/");
  console.log("CAPTURED", (await answer.text()).length);
} catch {
  // the next one
}
for (const host of ["169.254.169.254", "169.254.169.254:80", "metadata.google.internal", "[fd00:ec2::254]", "100.100.100.200"]) {
  const { state } = await Deno.permissions.query({ name: "net", host });
  if (state === "granted") console.log("CAPTURED the right to reach", host);
}
