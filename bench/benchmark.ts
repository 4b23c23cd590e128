import type { Cleanup } from "./cleanup.js";
import type { Installation } from "./installation.js";
import type { BenchPartner } from "./partners.js";

/** One run: what was measured and, where there is one, the limit measured beside it; both in the benchmark's unit. */
export interface Sample {
  readonly value: number;
  readonly limit: number | null;
}

/** What quality.md asks: a ratio to the limit that is reached, or a value that is not passed. */
export interface Target {
  readonly of: "ratio" | "value";
  readonly must: number;
  readonly goal: number;
}

/** What is running while a benchmark on an installation is measured. */
export interface Stage {
  readonly installation: Installation;
  readonly partners: readonly BenchPartner[];
  readonly cleanup: Cleanup;
}

/** What every benchmark has. */
interface Common {
  readonly name: string;
  readonly unit: string;
  readonly target: Target;
}

/** A benchmark of a running installation, which it shares with the others. */
export interface StagedBenchmark extends Common {
  readonly isStaged: true;
  /** Gets ready and warms up, unmeasured; answers one run, to be called with 1, 2, 3. */
  prepare(stage: Stage): Promise<(run: number) => Promise<Sample>>;
}

/** A benchmark that starts what it measures itself, with nothing else running. */
export interface LoneBenchmark extends Common {
  readonly isStaged: false;
  run(cleanup: Cleanup): Promise<Sample>;
}

/** One row of the table of quality.md. */
export type Benchmark = StagedBenchmark | LoneBenchmark;

/** The value that half of the others do not reach. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((left, right) => left - right);
  const middle = Math.floor(sorted.length / 2);
  const [low = Number.NaN, high = Number.NaN] = sorted.slice(sorted.length % 2 === 1 ? middle : middle - 1);
  return sorted.length % 2 === 1 ? low : (low + high) / 2;
}

/** The least value that so large a share of the values does not exceed. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((left, right) => left - right);
  return sorted[Math.max(Math.ceil(share * sorted.length), 1) - 1] ?? Number.NaN;
}
