import { FadingCount } from "../statistics/rules.js";

/** What all processes together counted for somebody. */
export interface SharedCounts {
  readonly totals: ReadonlyMap<string, number>;
  /** When one of them last began anew; long ago where none did. */
  readonly clearedAtMs: number;
  /** When what followed from that was last taken back; long ago where it never was. */
  readonly liftedAtMs: number;
}

/**
 * What somebody did lately, by names: counted here, and by other processes as far as they told. Whatever is lost on the
 * way between them, it is never less than what was counted here.
 */
export class Tally<N extends string> {
  readonly #own = new Map<string, FadingCount>();
  readonly #untold = new Map<string, FadingCount>();
  readonly #shared = new Map<string, FadingCount>();
  #clearedAtMs = Number.NEGATIVE_INFINITY;
  #liftedAtMs = Number.NEGATIVE_INFINITY;

  constructor(readonly halfLifeMs: number) {}

  /** When it last began anew, here or elsewhere. */
  get clearedAtMs(): number {
    return this.#clearedAtMs;
  }

  /** Whether what followed from beginning anew was taken back since. */
  get isLifted(): boolean {
    return this.#liftedAtMs >= this.#clearedAtMs;
  }

  /** Counts so many, now. */
  add(name: N, by: number, nowMs: number): void {
    this.#countIn(this.#own, name).add(by, nowMs);
    this.#countIn(this.#untold, name).add(by, nowMs);
  }

  /** What is left of it. */
  at(name: N, nowMs: number): number {
    const together = leftOf(this.#shared, name, nowMs) + leftOf(this.#untold, name, nowMs);
    return Math.max(leftOf(this.#own, name, nowMs), together);
  }

  /** Begins anew. */
  clear(nowMs: number): void {
    for (const counts of [this.#own, this.#untold, this.#shared]) counts.clear();
    this.#clearedAtMs = nowMs;
  }

  /** What others do not know yet; from now on they are taken to know it. */
  takeUntold(nowMs: number): [name: string, value: number][] {
    const untold = [...this.#untold].map(([name, count]): [string, number] => [name, count.at(nowMs)]);
    this.#untold.clear();
    return untold;
  }

  /** Takes up what all counted together; answers whether that is more than was counted here. */
  takeShared({ totals, clearedAtMs, liftedAtMs }: SharedCounts, nowMs: number): boolean {
    if (clearedAtMs > this.#clearedAtMs) this.clear(clearedAtMs);
    this.#liftedAtMs = Math.max(this.#liftedAtMs, liftedAtMs);
    this.#shared.clear();
    let isMore = false;
    for (const [name, total] of totals) {
      this.#countIn(this.#shared, name).add(total, nowMs);
      isMore ||= total > leftOf(this.#own, name, nowMs) + LEAST;
    }
    return isMore;
  }

  #countIn(counts: Map<string, FadingCount>, name: string): FadingCount {
    const known = counts.get(name) ?? new FadingCount(this.halfLifeMs);
    counts.set(name, known);
    return known;
  }
}

/** A smaller difference is none. */
const LEAST = 0.01;

function leftOf(counts: ReadonlyMap<string, FadingCount>, name: string, nowMs: number): number {
  return counts.get(name)?.at(nowMs) ?? 0;
}
