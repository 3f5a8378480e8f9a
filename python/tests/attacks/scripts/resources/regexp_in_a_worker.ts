//= wants: a processor, in a regular expression of a worker that is terminated and started again
//= limit: 1
//= endless: yes
const code = `/^(\\w+\\s?)*$/.test("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!");`;
const url = "data:text/javascript," + encodeURIComponent(code);
let worker: Worker | undefined;
setInterval(() => {
  worker?.terminate();
  worker = new Worker(url, { type: "module" });
}, 200);
