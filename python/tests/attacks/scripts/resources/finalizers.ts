//= wants: to run code for ever from the garbage collector's finalizers
//= limit: 1
//= endless: yes
const registry = new FinalizationRegistry(() => make());
function make() {
  for (let number = 0; number < 100; number++) registry.register({ filler: new Array(1000).fill(number) }, number);
}
make();
setInterval(make, 1);
