//= wants: processors for ever, in workers while the main thread waits, deaf to signals
//= limit: 1
//= endless: yes
for (const name of ["SIGTERM", "SIGINT", "SIGHUP"]) Deno.addSignalListener(name as Deno.Signal, () => {});
for (let number = 0; number < 3; number++) new Worker("data:text/javascript,while(true){}", { type: "module" });
setInterval(() => {}, 1000);
