import { assert, present } from "../../kernel/assert.js";
import { MISHAPS, type PartnerProfile } from "./profile.js";
import type { Random } from "./random.js";
import { rhythmOf } from "./rhythm.js";
import { type Occurrence, playRound, type SimulatedTransaction, sceneOf } from "./rounds.js";

/** One batch of a partner: its `jti` and at most the profile's `batchSize` items, in the order they arrive. */
export interface SimulatedBatch {
  readonly jti: string;
  readonly transactions: readonly SimulatedTransaction[];
}

/** What a history covers: half-open [from, through), at least an hour; `transactions` counts distinct ids. */
export interface HistoryInput {
  readonly seed: string;
  readonly from: Date;
  readonly through: Date;
  readonly transactions: number;
}

/** A moment of live traffic; `sequence` tells calls at the same instant apart. `transactions` is a least number. */
export interface TrickleInput {
  readonly seed: string;
  readonly at: Date;
  readonly sequence: number;
  readonly transactions?: number;
}

interface Arrival {
  readonly arrivesAtMs: number;
  readonly item: SimulatedTransaction;
  readonly isCopy: boolean;
}

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const LATE_MIN_MS = 3 * HOUR_MS;
const LATE_MAX_MS = 72 * HOUR_MS;
const COPY_MIN_MS = MINUTE_MS;
const COPY_MAX_MS = 6 * HOUR_MS;
const TRICKLE_TRANSACTIONS = 2;
const TRICKLE_SPREAD_MS = 10 * SECOND_MS;

/**
 * A partner's past, ready to be signed and submitted in this order: exactly `transactions` distinct items that happened
 * in the window, plus copies re-sent in later batches and items that come hours or days late. The same input gives the
 * same batches, byte for byte; the draws of stakes and reels do not depend on the window.
 */
export function simulateHistory(profile: PartnerProfile, input: HistoryInput): readonly SimulatedBatch[] {
  const [fromMs, throughMs] = [input.from.getTime(), input.through.getTime()];
  assert(throughMs - fromMs >= HOUR_MS, "a history covers at least an hour");
  const scene = sceneOf(profile, input.seed, ["history"], fromMs, throughMs);
  const { random } = scene;
  const rhythm = rhythmOf(profile.timezone, fromMs, throughMs);
  const happened: Occurrence[] = [];
  for (let round = 0; happened.length < input.transactions; round += 1) {
    const key = `h${fromMs.toString(36)}-${round.toString(36)}`;
    for (const occurrence of playRound(scene, rhythm.draw(random), key)) {
      if (occurrence.atMs < throughMs && happened.length < input.transactions) happened.push(occurrence);
    }
  }
  const arrivals: Arrival[] = [];
  for (const occurrence of happened) pushArrivals(arrivals, occurrence, throughMs, random);
  return intoBatches(byArrival(arrivals, fromMs), profile.batchSize, `${profile.code}-h${fromMs.toString(36)}`);
}

/**
 * A few items that happened in the seconds up to `at`, none after it: at least `transactions` (2) of them, and what
 * completes their last round. Ids never meet those of a history, nor of another instant or sequence.
 */
export function simulateTrickle(profile: PartnerProfile, input: TrickleInput): SimulatedTransaction[] {
  const atMs = input.at.getTime();
  const prefix = `t${atMs.toString(36)}-${input.sequence.toString(36)}`;
  const scene = sceneOf(profile, input.seed, ["trickle", prefix], atMs - MINUTE_MS, atMs);
  const happened: Occurrence[] = [];
  for (let round = 0; happened.length < (input.transactions ?? TRICKLE_TRANSACTIONS); round += 1) {
    const startMs = atMs - scene.random.between(0, TRICKLE_SPREAD_MS);
    happened.push(...playRound(scene, startMs, `${prefix}-${round.toString(36)}`));
  }
  return happened.sort((left, right) => left.atMs - right.atMs).map(({ item }) => item);
}

/** When an item comes in: as it happens, or late; and sometimes once more. Nothing comes after the window. */
function pushArrivals(arrivals: Arrival[], { atMs, item }: Occurrence, throughMs: number, random: Random): void {
  const leftMs = throughMs - atMs;
  const isLate = random.chance(MISHAPS.late) && leftMs > LATE_MIN_MS;
  const arrivesAtMs = atMs + (isLate ? Math.min(logUniform(random, LATE_MIN_MS, LATE_MAX_MS), leftMs) : 0);
  arrivals.push({ arrivesAtMs, item, isCopy: false });
  if (!random.chance(MISHAPS.copy)) return;
  const copyAtMs = arrivesAtMs + logUniform(random, COPY_MIN_MS, COPY_MAX_MS);
  arrivals.push({ arrivesAtMs: Math.min(copyAtMs, throughMs), item, isCopy: true });
}

/** In order of arrival, equal ones as they stand: time and place as one number, because sorting numbers is fast. */
function byArrival(arrivals: readonly Arrival[], fromMs: number): Arrival[] {
  const count = arrivals.length;
  const keys = Float64Array.from(arrivals, ({ arrivesAtMs }, place) => (arrivesAtMs - fromMs) * count + place);
  keys.sort();
  assert((keys.at(-1) ?? 0) <= Number.MAX_SAFE_INTEGER, "the window times the items is a safe integer");
  return Array.from(keys, (key) => present(arrivals[key % count], "an arrival"));
}

/** Even over orders of magnitude: as often between one and two as between ten and twenty. */
function logUniform(random: Random, low: number, high: number): number {
  return Math.floor(low * (high / low) ** random.unit());
}

/** Cuts arrivals into full batches; a copy whose original is in the same batch waits for the next one. */
function intoBatches(arrivals: readonly Arrival[], batchSize: number, jtiPrefix: string): SimulatedBatch[] {
  const batches: SimulatedBatch[] = [];
  let items: SimulatedTransaction[] = [];
  let waiting: SimulatedTransaction[] = [];
  const flush = (): void => {
    batches.push({ jti: `${jtiPrefix}-${String(batches.length + 1).padStart(5, "0")}`, transactions: items });
    [items, waiting] = [waiting, []];
  };
  for (const { item, isCopy } of arrivals) {
    if (items.length === batchSize) flush();
    if (isCopy && items.includes(item)) waiting.push(item);
    else items.push(item);
  }
  while (items.length > 0) flush();
  return batches;
}
