/** What of Deno a socket needs: the SDK's types do not depend on Deno's. */
interface Conn {
  read(into: Uint8Array): Promise<number | null>;
  write(bytes: Uint8Array): Promise<number>;
  ref(): void;
  unref(): void;
  setNoDelay?(): void;
}
interface Runtime {
  Deno?: { connect(options: Place): Promise<Conn> };
}

/** Where frames are served: a Unix socket, or a TCP port. */
export type Place = { transport: "unix"; path: string } | { transport: "tcp"; hostname: string; port: number };

const MAX_FRAME_BYTES = 40 * 2 ** 20;
const CHUNK_BYTES = 2 ** 16;

/** Frames on a socket, each after its length (big-endian uint32): see `runtime.proto`. */
export class Frames {
  readonly #conn: Conn;
  #chunk = new Uint8Array(CHUNK_BYTES);
  #start = 0;
  #end = 0;
  #writing: Promise<unknown> = Promise.resolve();

  private constructor(conn: Conn) {
    this.#conn = conn;
  }

  /** Connects. */
  static async open(place: Place): Promise<Frames> {
    const { Deno } = globalThis as Runtime;
    if (!Deno) throw new Error("frames need Deno");
    const conn = await Deno.connect(place);
    conn.setNoDelay?.();
    return new Frames(conn);
  }

  /** Hands over frames as they come, until the connection ends. */
  async read(receive: (frame: Uint8Array) => void): Promise<void> {
    for (;;) {
      const head = await this.#take(4);
      if (head === undefined) return;
      const length = new DataView(head.buffer, head.byteOffset).getUint32(0);
      if (length > MAX_FRAME_BYTES) throw new Error(`a frame of ${length} bytes was announced`);
      const frame = await this.#take(length);
      if (frame === undefined) return;
      receive(frame);
    }
  }

  /** Sends a frame, after those that were sent before. A connection that broke shows in `read`. */
  write(frame: Uint8Array): void {
    const bytes = new Uint8Array(4 + frame.length);
    new DataView(bytes.buffer).setUint32(0, frame.length);
    bytes.set(frame, 4);
    this.#writing = this.#writing.then(async () => {
      for (let done = 0; done < bytes.length;) done += await this.#conn.write(bytes.subarray(done));
    }).catch(() => undefined);
  }

  /** Says whether the process waits for this connection. */
  ref(wanted: boolean): void {
    if (wanted) this.#conn.ref();
    else this.#conn.unref();
  }

  /** The next bytes, in memory of their own; undefined when the connection ends before. */
  async #take(length: number): Promise<Uint8Array | undefined> {
    const bytes = new Uint8Array(length);
    let filled = 0;
    while (filled < length) {
      if (this.#start === this.#end) {
        const rest = length - filled;
        // What is larger than a chunk goes where it belongs.
        const into = rest >= CHUNK_BYTES ? bytes.subarray(filled) : this.#chunk;
        const count = await this.#conn.read(into);
        if (count === null) return undefined;
        if (into !== this.#chunk) {
          filled += count;
          continue;
        }
        this.#start = 0;
        this.#end = count;
      }
      const count = Math.min(length - filled, this.#end - this.#start);
      bytes.set(this.#chunk.subarray(this.#start, this.#start + count), filled);
      this.#start += count;
      filled += count;
    }
    return bytes;
  }
}
