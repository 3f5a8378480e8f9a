//= wants: processors for ever, by key pairs that threads of their own make
//= limit: 3
//= endless: yes
for (;;) {
  await Promise.all(
    Array.from({ length: 8 }, () =>
      crypto.subtle.generateKey(
        { name: "RSA-PSS", modulusLength: 4096, publicExponent: new Uint8Array([1, 0, 1]), hash: "SHA-256" },
        true,
        ["sign", "verify"],
      )),
  );
}
