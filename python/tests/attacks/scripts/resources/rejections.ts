//= wants: to be there for ever and to fill the error output, by rejections that make others
//= limit: 1
//= endless: yes
const again = () => Promise.reject(new Error("x".repeat(1e5))).finally(() => queueMicrotask(again));
globalThis.onunhandledrejection = (event) => event.preventDefault();
again();
setInterval(() => {}, 10);
