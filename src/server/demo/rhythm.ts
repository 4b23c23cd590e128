import type { Random } from "./random.js";

/** Activity of each local hour, midnight first: least at four in the morning, most at nine in the evening. */
const HOUR_WEIGHTS: readonly number[] = [
  1.1, 0.75, 0.5, 0.33, 0.25, 0.28, 0.38, 0.5, 0.62, 0.72, 0.8, 0.88, 1.0, 0.98, 0.95, 0.98, 1.05, 1.18, 1.4, 1.65, 1.9,
  2.0, 1.85, 1.5,
];
const WEEKEND_WEIGHT = 1.3;
const WEEKEND = ["Sat", "Sun"];
/** Every zone's offset is a multiple of a quarter of an hour, so within one the local hour does not change. */
const QUARTER_MS = 15 * 60_000;

/** Draws instants (milliseconds since the epoch) of a window as often as people play then, by a zone's own clock. */
export interface Rhythm {
  draw(random: Random): number;
}

/** The rhythm of the half-open window [fromMs, throughMs) in an IANA zone. */
export function rhythmOf(timeZone: string, fromMs: number, throughMs: number): Rhythm {
  const starts: number[] = [];
  const cumulative: number[] = [];
  const weightAt = localWeight(timeZone);
  let total = 0;
  for (let start = fromMs; start < throughMs; start = nextQuarter(start)) {
    const length = Math.min(nextQuarter(start), throughMs) - start;
    total += weightAt(start) * length;
    starts.push(start);
    cumulative.push(total);
  }
  return {
    draw(random: Random): number {
      const at = firstAbove(cumulative, random.unit() * total);
      const start = starts[at] ?? fromMs;
      return Math.floor(random.between(start, Math.min(nextQuarter(start), throughMs)));
    },
  };
}

function nextQuarter(instantMs: number): number {
  return (Math.floor(instantMs / QUARTER_MS) + 1) * QUARTER_MS;
}

function localWeight(timeZone: string): (instantMs: number) => number {
  const format = new Intl.DateTimeFormat("en-US", { timeZone, weekday: "short", hour: "2-digit", hourCycle: "h23" });
  return (instantMs) => {
    let [hour, day] = [0, ""];
    for (const part of format.formatToParts(instantMs)) {
      if (part.type === "hour") hour = Number(part.value);
      if (part.type === "weekday") day = part.value;
    }
    return (HOUR_WEIGHTS[hour] ?? 1) * (WEEKEND.includes(day) ? WEEKEND_WEIGHT : 1);
  };
}

/** The index of the first number above the bound, in an ascending list. */
function firstAbove(ascending: readonly number[], bound: number): number {
  let [low, high] = [0, ascending.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ascending[middle] ?? 0) > bound) high = middle;
    else low = middle + 1;
  }
  return low;
}
