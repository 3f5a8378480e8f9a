// Runs before a script whose clock is virtual (`coral test`, `coral backtest`). Time stands while the script works or
// waits for an answer, and jumps to the next timer when it does nothing but wait: Date, performance.now, the timers of
// the global scope and AbortSignal.timeout follow it. The SDK tells when it waits for an answer.

const EXIT_LIMIT = 124;
const { at, until, mustEnd, jumps } = globalThis[Symbol.for("coral.clock")];
delete globalThis[Symbol.for("coral.clock")];
const RealDate = Date;
const real = { setTimeout, clearTimeout };
const immediately = globalThis.setImmediate ?? ((work) => real.setTimeout(work, 0));
const stderr = Deno.stderr;
const exit = Deno.exit.bind(Deno);
const timers = []; // by time, then by age
let now = at;
let lastId = 0;
let calls = 0;
let jumped = 0;
let scheduled = false;

function end(text, hint) {
  const bytes = new TextEncoder().encode(`error: ${text}\nhint: ${hint}\n`);
  for (let done = 0; done < bytes.length;) done += stderr.writeSync(bytes.subarray(done));
  exit(EXIT_LIMIT);
}

function wake() {
  if (scheduled || calls > 0 || !timers.some((timer) => timer.ref)) return;
  scheduled = true;
  // Two turns of the real loop: what was about to go on has gone on by then.
  immediately(() => immediately(step));
}

function step() {
  scheduled = false;
  if (calls > 0 || timers.length === 0) return;
  const timer = timers.shift();
  if (until !== null && timer.at > until) {
    now = until;
    if (mustEnd) {
      end(
        `the script did not end within ${(until - at) / 3_600_000} hours of its own clock, the limit VIRTUAL_SECONDS`,
        "end a script that goes on with --for 10m",
      );
    }
    exit(); // with the code of failed checks, if there are any
  }
  if (++jumped > jumps) {
    end(
      `the script has waited ${jumps} times, the limit MAX_CLOCK_JUMPS`,
      "wait longer between two rounds, or replay a shorter time",
    );
  }
  now = Math.max(now, timer.at);
  if (timer.every !== null) insert({ ...timer, at: now + timer.every });
  try {
    timer.work(...timer.given);
  } finally {
    wake();
  }
}

function insert(timer) {
  const place = timers.findIndex((other) => other.at > timer.at);
  if (place < 0) timers.push(timer);
  else timers.splice(place, 0, timer);
  wake();
}

function start(work, wait, given, repeats) {
  const length = Math.max(repeats ? 1 : 0, Math.trunc(Number(wait)) || 0);
  const run = typeof work === "function" ? work : () => globalThis.eval(String(work));
  const id = ++lastId;
  insert({ id, at: now + length, every: repeats ? length : null, work: run, given, ref: true });
  return id;
}

function stop(id) {
  const place = timers.findIndex((timer) => timer.id === Number(id));
  if (place >= 0) timers.splice(place, 1);
}

function mark(id, ref) {
  for (const timer of timers) if (timer.id === Number(id)) timer.ref = ref;
  wake();
}

globalThis.setTimeout = (work, wait, ...given) => start(work, wait, given, false);
globalThis.setInterval = (work, wait, ...given) => start(work, wait, given, true);
globalThis.clearTimeout = globalThis.clearInterval = stop;
Deno.refTimer = (id) => mark(id, true);
Deno.unrefTimer = (id) => mark(id, false);

globalThis.Date = function Date(...given) {
  if (new.target === undefined) return new RealDate(now).toString();
  return Reflect.construct(RealDate, given.length === 0 ? [now] : given, new.target);
};
for (const name of ["parse", "UTC"]) globalThis.Date[name] = RealDate[name];
globalThis.Date.now = () => now;
globalThis.Date.prototype = RealDate.prototype;
RealDate.prototype.constructor = globalThis.Date;
performance.now = () => now - at;

AbortSignal.timeout = (wait) => {
  const controller = new AbortController();
  const id = start(() => controller.abort(new DOMException("Signal timed out.", "TimeoutError")), wait, [], false);
  mark(id, false);
  return controller.signal;
};

globalThis[Symbol.for("coral.run")].clock = {
  now: () => now,
  busy(more) {
    calls += more;
    wake();
  },
  ...real,
};
