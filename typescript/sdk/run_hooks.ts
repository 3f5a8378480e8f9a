/** Where `coral run` leaves what it does for a run; absent under bare Deno and in workers. */
export const RUN = Symbol.for("coral.run");

/** What `coral run` does for a run, see `python/coral/runner/*.js`. */
export interface Hooks {
  [RUN]?: {
    /** Takes a check that failed; the run ends with exit code 99. */
    failed?(text: string): void;
    /** Takes a value for `-o`. */
    output?(value: unknown): void;
    /** Takes a chart for `--html`, and calls `print`, whose text does not count for the page. */
    report?(chart: unknown, print: () => void): void;
    /** Takes the declared parameters and ends the run (`--help-script`). */
    describe?(specs: unknown): void;
    /** The run's clock, where it is not the real one. */
    clock?: RunClock;
  };
}

/** A clock that stands while the script works, and jumps while it waits. */
export interface RunClock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Called before the SDK waits for an answer, over which the clock must not jump, and after it. */
  busy(calls: 1 | -1): void;
  /** The real `setTimeout`, in the script's place. */
  setTimeout: typeof setTimeout;
  /** The real `clearTimeout`. */
  clearTimeout: typeof clearTimeout;
}

/** The run's clock; undefined for the real one. */
export function runClock(): RunClock | undefined {
  return (globalThis as Hooks)[RUN]?.clock;
}
