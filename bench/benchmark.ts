import type { Cleanup } from "./cleanup.js";
import type { Installation } from "./installation.js";
import type { BenchPartner } from "./partners.js";

/** Something told beside a run's value: a figure, its unit at the end of its name, or a group of them. */
export type Remark = number | boolean | Readonly<Record<string, number | boolean>>;

/** One run: what was measured and, where there is one, the limit measured beside it; both in the benchmark's unit. */
export interface Sample {
  readonly value: number;
  readonly limit: number | null;
  readonly remarks?: Readonly<Record<string, Remark>>;
}

/** What quality.md asks: a ratio to the limit that is reached, or a ratio or a value that is not passed. */
export interface Target {
  readonly of: "ratio" | "multiple" | "value";
  readonly must: number;
  readonly goal: number;
}

/** What the command line says of how large and how long. */
export interface Sizes {
  /** Of each benchmark; its own number where none is named. */
  readonly runs: number | null;
  /** Stored transactions; a benchmark's own number where none is named. */
  readonly rows: number | null;
  /** How long `soak` takes. */
  readonly minutes: number;
}

/** What is running while a benchmark on an installation is measured. */
export interface Stage {
  readonly installation: Installation;
  readonly partners: readonly BenchPartner[];
  readonly cleanup: Cleanup;
  readonly sizes: Sizes;
  /** Says how it is going. */
  readonly say: (line: string) => void;
}

/** What every benchmark has. */
interface Common {
  readonly name: string;
  readonly unit: string;
  readonly target: Target;
  /** Whether it takes so long that it is measured only when it is asked for. */
  readonly isExtra: boolean;
  /** How often it is measured where the command line does not say. */
  readonly runs: number;
}

/** A benchmark of a running installation, which it shares with the others unless it changes what they would measure. */
export interface StagedBenchmark extends Common {
  readonly isStaged: true;
  readonly isAlone: boolean;
  /** Gets ready and warms up, unmeasured; answers one run, to be called with 1, 2, 3. */
  prepare(stage: Stage): Promise<(run: number) => Promise<Sample>>;
}

/** How often a benchmark is measured; its figure is the median. */
export const RUNS = 3;

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

/** What is told of latencies in milliseconds beside their p99. */
export function latencyRemarks(took: readonly number[]): Readonly<Record<string, number>> {
  return { p50Ms: quantile(took, 0.5), p95Ms: quantile(took, 0.95), maxMs: quantile(took, 1), samples: took.length };
}
