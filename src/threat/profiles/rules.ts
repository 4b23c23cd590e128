import { type BatchFigures, ThreatFact } from "../entities.js";
import type { Facts, ThreatRuleset } from "../rules.js";
import {
  Acquaintances,
  HoursOfDay,
  Moments,
  type StoredAcquaintances,
  type StoredMoments,
} from "../statistics/rules.js";

/** A batch as it is assessed. */
export interface SeenBatch {
  readonly at: Date;
  readonly figures: BatchFigures;
  /** When its signing key was registered. */
  readonly keySince: Date;
  /** The network that it came from, by a name that only its tenant's key gives; null where it came from ourselves. */
  readonly network: string | null;
}

/** A profile as plain data, for a snapshot. */
export interface StoredProfileContent {
  readonly v: 2;
  readonly firstSeenMs: number;
  readonly batches: number;
  readonly volume: StoredMoments;
  readonly amounts: readonly (readonly [string, StoredMoments])[];
  readonly networks: StoredAcquaintances;
  readonly hours: { readonly shares: readonly number[]; readonly count: number };
}

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;
const NEW_KEY_MS = DAY_MS;
const BETS_MIN = 200;
const CURRENCIES_MAX = 20;
const NETWORKS_MAX = 64;
/** A deviation of a logarithm counts as this at least: whatever is within a factor of two or so is alike. */
const FLOOR = 0.7;
const LEARNED_DEVIATIONS_MAX = 4;

/**
 * What is usual for a partner: how much it sends in a minute, how large its largest amounts are, from where, and at
 * which hours. Bounded, and learned as it comes; no batch is kept.
 */
export class PartnerProfile {
  #firstSeenMs: number;
  #batches: number;
  #minute = { no: Number.NEGATIVE_INFINITY, items: 0 };
  readonly #volume: Moments;
  readonly #amounts: Map<string, Moments>;
  readonly #networks: Acquaintances;
  readonly #hours: HoursOfDay;

  constructor(stored: StoredProfileContent | null = null) {
    this.#firstSeenMs = stored?.firstSeenMs ?? Number.POSITIVE_INFINITY;
    this.#batches = stored?.batches ?? 0;
    this.#volume = new Moments(stored?.volume);
    this.#amounts = new Map(
      stored?.amounts.slice(0, CURRENCIES_MAX).map(([currency, moments]) => [currency, new Moments(moments)]),
    );
    this.#networks = new Acquaintances(NETWORKS_MAX, stored?.networks);
    this.#hours = new HoursOfDay(stored?.hours);
  }

  /** The facts of a batch; what is unusual is a fact only once there is enough of a past to say so. */
  facts({ at, figures, keySince, network }: SeenBatch, history: ThreatRuleset["history"]): Map<ThreatFact, number> {
    const facts = new Map<ThreatFact, number>(returnsOf(figures));
    const nowMs = at.getTime();
    const pastMs = Math.max(0, nowMs - this.#firstSeenMs); // none before the first batch
    if (this.#batches < history.batches || pastMs < history.days * DAY_MS) return facts;
    facts.set(ThreatFact.NEW_KEY, nowMs - keySince.getTime() < NEW_KEY_MS ? 1 : 0);
    if (network !== null) facts.set(ThreatFact.NEW_ADDRESS, this.#networks.surprise(network));
    facts.set(ThreatFact.HOUR, this.#hours.rarity(at.getUTCHours()));
    const inMinute = this.#minute.no === minuteOf(nowMs) ? this.#minute.items : 0;
    facts.set(ThreatFact.VOLUME, this.#volume.excess(Math.log1p(inMinute + figures.items), FLOOR));
    let amount = 0;
    for (const [currency, largest] of figures.largest) {
      amount = Math.max(amount, this.#amounts.get(currency)?.excess(Math.log(largest), FLOOR) ?? 0);
    }
    facts.set(ThreatFact.AMOUNT, amount);
    return facts;
  }

  /** Learns a batch that was accepted. */
  learn({ at, figures, network }: Omit<SeenBatch, "keySince">): void {
    const nowMs = at.getTime();
    this.#firstSeenMs = Math.min(this.#firstSeenMs, nowMs);
    this.#batches += 1;
    this.#hours.add(at.getUTCHours());
    if (network !== null) this.#networks.add(network);
    const no = minuteOf(nowMs);
    if (this.#minute.no === no) this.#minute.items += figures.items;
    else {
      const { items } = this.#minute;
      if (items > 0) this.#volume.addWithin(Math.log1p(items), LEARNED_DEVIATIONS_MAX, FLOOR);
      this.#minute = { no, items: figures.items };
    }
    for (const [currency, largest] of figures.largest) this.#learnAmount(currency, Math.log(largest));
  }

  /** As plain data. */
  stored(): StoredProfileContent {
    return {
      v: 2,
      firstSeenMs: this.#firstSeenMs,
      batches: this.#batches,
      volume: this.#volume.stored(),
      amounts: [...this.#amounts].map(([currency, moments]) => [currency, moments.stored()]),
      networks: this.#networks.stored(),
      hours: this.#hours.stored(),
    };
  }

  #learnAmount(currency: string, logarithm: number): void {
    const known = this.#amounts.get(currency);
    if (known === undefined && this.#amounts.size >= CURRENCIES_MAX) return;
    const moments = known ?? new Moments();
    moments.addWithin(logarithm, LEARNED_DEVIATIONS_MAX, FLOOR);
    if (known === undefined) this.#amounts.set(currency, moments);
  }
}

function returnsOf({ bets, betSum, winSum }: BatchFigures): Facts {
  if (bets < BETS_MIN) return NOTHING;
  return new Map([
    [ThreatFact.RTP_HIGH, ratio(winSum, betSum)],
    [ThreatFact.RTP_LOW, ratio(betSum, winSum)],
  ]);
}

const NOTHING: Facts = new Map();
const RATIO_MAX = 1_000_000;

function ratio(of: number, to: number): number {
  return to <= 0 ? (of > 0 ? RATIO_MAX : 1) : Math.min(of / to, RATIO_MAX);
}

function minuteOf(ms: number): number {
  return Math.floor(ms / MINUTE_MS);
}
