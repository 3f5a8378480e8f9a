//= wants: a processor, where the runtime itself looks at what it prints: getters, proxies, toString, inspect
//= limit: 1
//= endless: yes
const forEver = () => {
  while (true) {
    // for ever
  }
};
console.log({ [Symbol.for("Deno.customInspect")]: forEver, [Symbol.for("nodejs.util.inspect.custom")]: forEver });
throw Object.defineProperty(new Error("x"), "stack", { get: forEver });
