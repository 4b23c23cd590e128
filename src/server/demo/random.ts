const UINT32_RANGE = 2 ** 32;
const WARM_UP_ROUNDS = 12;
const GOLDEN_GAMMA = 0x9e3779b9;
const HASH_BASES = [0x811c9dc5, 0x2f0b4a27] as const;

/** What a table to draw from needs: relative weights, which need not sum to one. */
export interface Weighted {
  readonly weight: number;
}

/**
 * Repeatable pseudo-randomness for simulations (sfc32 of PractRand, seeded through splitmix32): equal seeds give equal
 * draws on every machine. Never for keys, ids or anything secret.
 */
export class Random {
  private constructor(
    private a: number,
    private b: number,
    private c: number,
    private counter: number,
  ) {}

  /** A stream of its own for these parts; streams of different parts have nothing in common. */
  static of(...parts: readonly (string | number)[]): Random {
    const text = parts.join("\u0000");
    const [first, second] = [hash32(text, HASH_BASES[0]), hash32(text, HASH_BASES[1])];
    const random = new Random(splitMix(first), splitMix(second), splitMix(first + GOLDEN_GAMMA), 1);
    for (let round = 0; round < WARM_UP_ROUNDS; round += 1) random.uint32();
    return random;
  }

  /** A whole number from 0 to 2^32 − 1. */
  uint32(): number {
    const sum = (this.a + this.b + this.counter) | 0;
    this.counter = (this.counter + 1) | 0;
    this.a = this.b ^ (this.b >>> 9);
    this.b = (this.c + (this.c << 3)) | 0;
    this.c = (((this.c << 21) | (this.c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }

  /** A number in [0, 1). */
  unit(): number {
    return this.uint32() / UINT32_RANGE;
  }

  /** A number in [low, high). */
  between(low: number, high: number): number {
    return low + (high - low) * this.unit();
  }

  /** True with that probability. */
  chance(probability: number): boolean {
    return this.unit() < probability;
  }

  /** A draw from the standard normal distribution (Box and Muller). */
  normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.unit())) * Math.cos(2 * Math.PI * this.unit());
  }

  /** One row of a table, each as likely as its weight; null for an empty table. */
  pick<Row extends Weighted>(table: readonly Row[]): Row | null {
    let total = 0;
    for (const row of table) total += row.weight;
    let rest = this.unit() * total;
    for (const row of table) {
      rest -= row.weight;
      if (rest < 0) return row;
    }
    return table.at(-1) ?? null;
  }

  /** So many lower-case hexadecimal digits. */
  hex(digits: number): string {
    let text = "";
    while (text.length < digits) text += this.uint32().toString(16).padStart(8, "0");
    return text.slice(0, digits);
  }
}

/** FNV-1a over UTF-16 code units. */
function hash32(text: string, basis: number): number {
  let hash = basis;
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hash >>> 0;
}

/** The output function of splitmix32. */
function splitMix(state: number): number {
  let mixed = (state + GOLDEN_GAMMA) | 0;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
  return mixed ^ (mixed >>> 15);
}
