//= wants: the same by one-byte controls, as UTF-8 and as raw bytes
//= terminal: yes
//= seen: (\xc2\x9d|\xc2\x9b|(?<![\x80-\xff])[\x9b\x9d])
console.log("\u009d52;c;eA==\u009c \u009b2J");
Deno.stdout.writeSync(new Uint8Array([0x9d, 0x35, 0x32, 0x3b, 0x9c, 0x0a]));
