import { readFileSync } from "node:fs";
import { median } from "./benchmark.js";

/** What a process held over some time: the first quarter beside the last. */
export interface MemoryTrend {
  readonly firstMib: number;
  readonly lastMib: number;
  /** Of the line through all that was seen. */
  readonly mibPerMinute: number;
  readonly isFlat: boolean;
}

const KIB_PER_MIB = 1024;
/** More than this between the first quarter and the last is growth. */
const GROWTH_MAX = 1.1;
const QUARTERS = 4;

/** Resident memory of a process in MiB; throws when it is gone. */
export function residentMib(pid: number): number {
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  if (kib === undefined) throw new Error(`process ${pid} holds no memory`);
  return Number(kib) / KIB_PER_MIB;
}

/** What values seen at one interval come to. */
export function memoryTrend(mib: readonly number[], everyMs: number): MemoryTrend {
  const quarter = Math.max(Math.floor(mib.length / QUARTERS), 1);
  const [firstMib, lastMib] = [median(mib.slice(0, quarter)), median(mib.slice(-quarter))];
  const mibPerMinute = (slopeOf(mib) * 60_000) / everyMs;
  return { firstMib, lastMib, mibPerMinute, isFlat: lastMib <= firstMib * GROWTH_MAX };
}

/** Least squares: how much a value is above the one before. */
function slopeOf(values: readonly number[]): number {
  const middle = (values.length - 1) / 2;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const [over, under] = values.reduce(
    ([top, bottom], value, i) => [top + (i - middle) * (value - mean), bottom + (i - middle) ** 2],
    [0, 0],
  );
  return under === 0 ? 0 : over / under;
}
