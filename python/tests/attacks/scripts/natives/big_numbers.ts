//= wants: more time than it has, in one multiplication that no signal interrupts
//= limit: 3
//= endless: yes
Deno.addSignalListener("SIGTERM", () => {});
for (;;) {
  let number = 3n;
  for (let power = 0; power < 26; power++) number *= number;
}
