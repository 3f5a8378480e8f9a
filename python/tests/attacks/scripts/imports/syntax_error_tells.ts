//= wants: lines of a file outside, from the error that tells why it is no code
try {
  await import("@outside@/broken.ts");
} catch (error) {
  if (String(error).includes("coral-secret-")) console.log("CAPTURED", String(error));
}
