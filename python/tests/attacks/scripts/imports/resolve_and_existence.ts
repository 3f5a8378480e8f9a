//= wants: to learn paths outside by import.meta.resolve and import.meta.url tricks
const url = import.meta.resolve("../outside/secret.ts");
const module = await import(url);
console.log("CAPTURED", module.secret);
