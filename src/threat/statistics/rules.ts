/**
 * How fast `Moments` forgets: once so many samples have come, each new one weighs that part. A partner whose habits
 * change is learned anew within as many.
 */
const MEMORY_SAMPLES = 500;

/** `Moments` as plain data, for a snapshot. */
export interface StoredMoments {
  readonly count: number;
  readonly mean: number;
  readonly variance: number;
}

/**
 * Mean and variance of a stream in constant space: those of all samples at first (Welford, Technometrics 4(3), 1962),
 * exponentially weighted ones once `MEMORY_SAMPLES` have come (West, CACM 22(9), 1979).
 */
export class Moments {
  #count: number;
  #mean: number;
  #variance: number;

  constructor({ count, mean, variance }: StoredMoments = { count: 0, mean: 0, variance: 0 }) {
    [this.#count, this.#mean, this.#variance] = [count, mean, variance];
  }

  /** How many samples were learned. */
  get count(): number {
    return this.#count;
  }

  /** Learns a sample; what is no number is none. */
  add(sample: number): void {
    if (!Number.isFinite(sample)) return;
    const weight = Math.max(1 / (this.#count + 1), 1 / MEMORY_SAMPLES);
    const difference = sample - this.#mean;
    this.#count += 1;
    this.#mean += weight * difference;
    this.#variance = (1 - weight) * (this.#variance + weight * difference * difference);
  }

  /**
   * Learns a sample, but no further from the mean than so many deviations: so a single monster does not become what is
   * usual.
   */
  addWithin(sample: number, deviations: number, floor: number): void {
    const reach = this.#count === 0 ? Number.POSITIVE_INFINITY : deviations * this.#deviation(floor);
    this.add(Math.min(Math.max(sample, this.#mean - reach), this.#mean + reach));
  }

  /** How many standard deviations a value is above the mean, counting a deviation as `floor` at least; 0 below it. */
  excess(value: number, floor: number): number {
    if (this.#count === 0) return 0;
    return Math.max(0, value - this.#mean) / this.#deviation(floor);
  }

  /** As plain data. */
  stored(): StoredMoments {
    return { count: this.#count, mean: this.#mean, variance: this.#variance };
  }

  #deviation(floor: number): number {
    return Math.max(Math.sqrt(this.#variance), floor);
  }
}

/** A count that halves in every half-life: how much happened lately. A clock that goes back makes nothing of it. */
export class FadingCount {
  #value = 0;
  #atMs = Number.NEGATIVE_INFINITY;

  constructor(readonly halfLifeMs: number) {}

  /** Counts so many, now. */
  add(by: number, nowMs: number): void {
    this.#value = this.at(nowMs) + by;
    this.#atMs = Math.max(nowMs, this.#atMs);
  }

  /** What is left of it. */
  at(nowMs: number): number {
    const agoMs = Math.max(0, nowMs - this.#atMs);
    return this.#value === 0 ? 0 : this.#value * 2 ** (-agoMs / this.halfLifeMs);
  }
}

/** `Acquaintances` as plain data, for a snapshot. */
export interface StoredAcquaintances {
  readonly names: readonly string[];
  readonly novelty: number;
}

/** How much of a change in how often strangers come one meeting makes. */
const NOVELTY_WEIGHT = 0.02;

/**
 * The names that came lately, no more than `namesMax`, and how usual it is that a new one comes: whoever always comes
 * under new names is no surprise.
 */
export class Acquaintances {
  readonly #names: Map<string, true>;
  #novelty: number;

  constructor(
    readonly namesMax: number,
    { names, novelty }: StoredAcquaintances = { names: [], novelty: 0 },
  ) {
    this.#names = new Map(names.slice(-namesMax).map((name) => [name, true]));
    this.#novelty = novelty;
  }

  /** 0 for a name that is known; for a stranger, how unusual strangers are, up to 1. */
  surprise(name: string): number {
    return this.#names.has(name) ? 0 : 1 - this.#novelty;
  }

  /** Meets a name. */
  add(name: string): void {
    const isNew = !this.#names.delete(name);
    this.#novelty += NOVELTY_WEIGHT * ((isNew && this.#names.size > 0 ? 1 : 0) - this.#novelty);
    this.#names.set(name, true);
    if (this.#names.size <= this.namesMax) return;
    for (const oldest of this.#names.keys()) {
      this.#names.delete(oldest);
      return;
    }
  }

  /** As plain data. */
  stored(): StoredAcquaintances {
    return { names: [...this.#names.keys()], novelty: this.#novelty };
  }
}

/** Hours of a day. */
export const HOURS = 24;
/** How much of what was usual an occasion displaces. */
const HOUR_WEIGHT = 1 / 2_000;

/** At which hours of the day things happen, as shares that fade with each new occasion. */
export class HoursOfDay {
  readonly #shares: number[];
  #count: number;

  constructor({ shares, count }: { readonly shares: readonly number[]; readonly count: number } = NO_HOURS) {
    this.#shares = shares.length === HOURS ? [...shares] : Array.from({ length: HOURS }, () => 0);
    this.#count = shares.length === HOURS ? count : 0;
  }

  /** 1 for an hour at which nothing ever happened, 0 for one at which as much does as at any, or more. */
  rarity(hour: number): number {
    return this.#count === 0 ? 0 : Math.max(0, 1 - HOURS * (this.#shares[hour] ?? 0));
  }

  /** Something happens at that hour, 0 to 23. */
  add(hour: number): void {
    const weight = Math.max(1 / (this.#count + 1), HOUR_WEIGHT);
    this.#count += 1;
    for (let each = 0; each < HOURS; each++) {
      this.#shares[each] = (1 - weight) * (this.#shares[each] ?? 0) + (each === hour ? weight : 0);
    }
  }

  /** As plain data. */
  stored(): { readonly shares: readonly number[]; readonly count: number } {
    return { shares: [...this.#shares], count: this.#count };
  }
}

const NO_HOURS = { shares: [], count: 0 } as const;
