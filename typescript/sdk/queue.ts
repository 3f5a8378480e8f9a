import { cancelled } from "./call_options.ts";

/** Lets so many in at once; the others wait in order. */
export class Queue {
  #free: number;
  #waiting: (() => void)[] = [];

  constructor(atOnce: number) {
    this.#free = atOnce;
  }

  /** Waits for a place; whoever has it calls `leave`. */
  async enter(signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) throw cancelled(signal);
    if (this.#free > 0) {
      this.#free--;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const place = () => {
        signal?.removeEventListener("abort", stop);
        resolve();
      };
      const stop = () => {
        this.#waiting.splice(this.#waiting.indexOf(place), 1);
        reject(cancelled(signal!));
      };
      signal?.addEventListener("abort", stop, { once: true });
      this.#waiting.push(place);
    });
  }

  /** Gives the place to who waits for the longest. */
  leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free++;
    else next();
  }
}
