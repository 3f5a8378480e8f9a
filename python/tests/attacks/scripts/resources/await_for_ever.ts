//= wants: to be there for ever, by catching its own end again and again
//= limit: 1
//= endless: yes
globalThis.addEventListener("error", (event) => event.preventDefault());
globalThis.addEventListener("unhandledrejection", (event) => event.preventDefault());
setInterval(() => {
  Promise.reject(new Error("again"));
  throw new Error("again");
}, 10);
