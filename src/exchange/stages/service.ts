import type { CodedError } from "../../kernel/errors.js";
import type { App } from "../../platform/app.js";
import type { Outcome } from "../posting/rules.js";
import type { ItemResult } from "../validate.js";
import { type BatchEnd, batchCounts, itemCounts, type Stage, type StageCount } from "./rules.js";

/** Does the work of a stage and records how long it took: `quittance_validation_seconds`. */
export function timed<T>(app: App, stage: Stage, work: () => T): T {
  const started = performance.now();
  try {
    return work();
  } finally {
    recordTime(app, stage, performance.now() - started);
  }
}

/** The same for work that waits. */
export async function timedWait<T>(app: App, stage: Stage, work: () => Promise<T>): Promise<T> {
  const started = performance.now();
  try {
    return await work();
  } finally {
    recordTime(app, stage, performance.now() - started);
  }
}

/** Records how long a stage took. */
export function recordTime(app: App, stage: Stage, ms: number): void {
  app.metrics.time("validation", ms / 1_000, { stage });
}

/** Counts how far a submission came: `quittance_validation_total`, subject `batch`. */
export function countBatch(app: App, end: CodedError | BatchEnd): void {
  count(app, "batch", batchCounts(end));
}

/** How far the items of a group of batches came; counted once their posting holds. */
export class ItemStages {
  #counts: StageCount[] = [];

  constructor(readonly app: App) {}

  /** What a try decided; it replaces that of the try before, which was rolled back. */
  decided(
    batches: readonly { readonly no: string; readonly items: readonly ItemResult[] }[],
    outcomes: ReadonlyMap<string, readonly Outcome[]>,
  ): void {
    this.#counts = batches.flatMap(({ no, items }) => itemCounts(items, outcomes.get(no) ?? []));
  }

  /** Counts them, if any of their batches was posted: `quittance_validation_total`, subject `item`. */
  count(posted: readonly unknown[] | null): void {
    if (posted !== null && posted.length > 0) count(this.app, "item", this.#counts);
  }
}

function count(app: App, subject: "batch" | "item", counts: readonly StageCount[]): void {
  for (const { stage, result, code, count: by } of counts) {
    app.metrics.count("validation", { subject, stage, result, code }, by);
  }
}
