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
  };
}
