/** Both google.protobuf.Duration and google.protobuf.Timestamp. */
interface SecondsAndNanos {
  seconds: bigint;
  nanos: number;
}

/** Nanoseconds as a number; exact up to 104 days. */
export function nanoseconds(wire: SecondsAndNanos | undefined): number {
  return wire === undefined ? 0 : Number(wire.seconds) * 1e9 + wire.nanos;
}

/** Milliseconds as a number. */
export function milliseconds(wire: SecondsAndNanos | undefined): number {
  return nanoseconds(wire) / 1e6;
}

/** The instant of a timestamp, cut to milliseconds as `Date` is. */
export function dateOf(wire: SecondsAndNanos | undefined): Date {
  return new Date(wire === undefined ? NaN : Number(wire.seconds) * 1e3 + Math.floor(wire.nanos / 1e6));
}

/** An instant as a google.protobuf.Timestamp. */
export function timestampOf(date: Date): SecondsAndNanos {
  const seconds = Math.floor(date.getTime() / 1e3);
  return { seconds: BigInt(seconds), nanos: (date.getTime() - seconds * 1e3) * 1e6 };
}
