import { BoundedMap } from "../kernel/bounded-map.js";
import type { App } from "./app.js";
import type { Log } from "./log.js";
import { perApp } from "./per-app.js";

/** Of what a process remembers; ages in milliseconds since the reading began, by the clock that never jumps. */
export interface RecentLimits {
  /** What was read first is forgotten first. */
  readonly keptMax: number;
  /** From this age on it is read anew, beside the work. */
  readonly aheadMs: number;
  /** From this age on nobody is answered by it. */
  readonly freshMs: number;
}

/** How old most things may be: what changes counts within two seconds, in every process. */
const TWO_SECONDS = { aheadMs: 1_000, freshMs: 2_000 };

interface Reading<V> {
  readonly beganAt: number;
  readonly value: Promise<V>;
}

interface Entry<V> {
  known: { readonly value: V; readonly readAt: number } | null;
  reading: Reading<V> | null;
}

/**
 * What the database said lately, by name, so that requests need not ask it. Callers at once share one reading, and what
 * is asked for again and again is read ahead: nobody waits for it but the first. Where reading ahead fails, what is
 * known is answered until it is too old; then whoever asks waits, and is told.
 */
export class Recent<V> {
  readonly #entries: BoundedMap<string, Entry<V>>;

  constructor(
    readonly log: Log,
    readonly limits: RecentLimits,
  ) {
    this.#entries = new BoundedMap(limits.keptMax);
  }

  /** The value of that name, read by the function if need be. Throws what the reading throws, which is not kept. */
  of(name: string, read: () => Promise<V>): V | Promise<V> {
    const entry = this.#entries.get(name) ?? { known: null, reading: null };
    const ageMs = ageOf(entry.known?.readAt);
    if (entry.known === null || ageMs >= this.limits.freshMs) return this.#read(name, entry, read);
    if (ageMs >= this.limits.aheadMs && entry.reading === null) {
      this.#read(name, entry, read).catch((error: unknown) => {
        this.log.warn({ err: error }, "what was read lately could not be read ahead");
      });
    }
    return entry.known.value;
  }

  /** Forgets a value, because it has changed: what is being read may be of before. */
  forget(name: string): void {
    this.#entries.delete(name);
  }

  /** Forgets everything. */
  clear(): void {
    this.#entries.clear();
  }

  #read(name: string, entry: Entry<V>, read: () => Promise<V>): Promise<V> {
    if (ageOf(entry.reading?.beganAt) < this.limits.freshMs && entry.reading !== null) return entry.reading.value;
    const beganAt = performance.now();
    const value = read().then(
      (answer) => {
        if (ageOf(entry.known?.readAt) > ageOf(beganAt)) entry.known = { value: answer, readAt: beganAt };
        if (entry.reading === reading) entry.reading = null;
        return answer;
      },
      (error: unknown) => {
        if (entry.reading === reading) entry.reading = null;
        throw error;
      },
    );
    const reading = { beganAt, value };
    entry.reading = reading;
    this.#entries.set(name, entry);
    return value;
  }
}

/** What a process remembers of the kind, for two seconds where nothing else is said. */
export function recent<V>(limits: Pick<RecentLimits, "keptMax"> & Partial<RecentLimits>): (app: App) => Recent<V> {
  return perApp(({ log }) => new Recent<V>(log, { ...TWO_SECONDS, ...limits }));
}

function ageOf(at: number | undefined): number {
  return at === undefined ? Number.POSITIVE_INFINITY : performance.now() - at;
}
