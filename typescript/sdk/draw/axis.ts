// Axes: which values get a tick, and what is written there.

import type { Unit } from "../charts.ts";

const SECOND = 1e3, MINUTE = 6e4, HOUR = 36e5, DAY = 864e5;
const TIME_STEPS = [
  ...[1, 2, 5, 10, 15, 30].map((step) => step * SECOND),
  ...[1, 2, 5, 10, 15, 30].map((step) => step * MINUTE),
  ...[1, 2, 3, 6, 12].map((step) => step * HOUR),
  ...[1, 2, 7, 14, 30, 90, 365].map((step) => step * DAY),
];

/** The step of 1, 2 or 5 times a power of ten (of 1024, for bytes) that is at least so large. */
export function niceStep(least: number, unit: Unit = ""): number {
  const base = unit === "bytes" ? 1024 ** Math.max(0, Math.floor(Math.log(least) / Math.log(1024))) : 1;
  const power = 10 ** Math.floor(Math.log10(least / base));
  return base * power * [1, 2, 5, 10].find((step) => step * power * base >= least * 0.999999)!;
}

/** The bounds and the step of an axis of values. */
export interface Scale {
  /** The value at its lower end. */
  low: number;
  /** The value at its upper end. */
  high: number;
  /** From tick to tick. */
  step: number;
}

/** An axis that shows all values, and zero unless they lie far from it and close together. */
export function scaleOf(values: Iterable<number>, unit?: Unit, ticks = 4): Scale {
  let low = Infinity, high = -Infinity;
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (low > 0 && high - low >= high * 0.2 || low === high && low > 0) low = 0;
  if (high < 0 && low === high) high = 0;
  if (low === high) high = low + 1;
  const step = niceStep((high - low) / ticks, unit);
  return { low: Math.floor(low / step + 1e-9) * step, high: Math.ceil(high / step - 1e-9) * step, step };
}

/** The ticks of an axis of time (milliseconds) or of numbers from left to right, so many at most. */
export function ticksOf(low: number, high: number, time: boolean, most: number): number[] {
  if (low === high) return [low];
  const least = (high - low) / Math.max(1, most);
  const step = time
    ? TIME_STEPS.find((each) => each >= least) ?? Math.ceil(least / (365 * DAY)) * 365 * DAY
    : niceStep(least);
  const found = [];
  for (let tick = Math.ceil(low / step - 1e-9); tick <= high / step + 1e-9; tick++) found.push(tick * step + 0);
  return found.length > 0 ? found : [low];
}

/** How a time is written on an axis that covers so many milliseconds. In UTC. */
export function timeLabel(time: number, span: number): string {
  if (!(Math.abs(time) < 8.64e15)) return "?";
  const [date, clock] = new Date(time).toISOString().split("T");
  if (span < 2 * MINUTE) return clock.slice(0, 8);
  if (span < DAY) return clock.slice(0, 5);
  return span < 14 * DAY ? `${date.slice(-5)} ${clock.slice(0, 5)}` : date;
}
