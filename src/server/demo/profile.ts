import type { PartnerKind } from "../../tenancy/entities.js";
import type { Weighted } from "./random.js";

/** A game's way of deciding a round: reels with a pay table, or a multiplier that rises until it crashes. */
export type Game =
  | { readonly type: "SLOT"; readonly payTable: readonly Payout[]; readonly reportsLosses: boolean }
  | { readonly type: "CRASH"; readonly periodMs: number };

/** A class of wins: how likely (of one), and between which multiples of the stake, before scaling to the RTP. */
export interface Payout {
  readonly chance: number;
  readonly low: number;
  readonly high: number;
}

/** A product that a demo partner offers; `rtp` is the share of stakes that it returns in the long run. */
export interface ProductProfile extends Weighted {
  readonly code: string;
  readonly name: string;
  readonly rtp: number;
  readonly game: Game;
  readonly jackpot?: { readonly pool: string; readonly rate: number };
}

/** A brand on which a demo partner's players play. */
export interface BrandProfile extends Weighted {
  readonly code: string;
  readonly name: string;
}

/** Stakes in minor units: log-normal around the median, rounded to the step, held between the bounds. */
export interface StakeProfile {
  readonly median: number;
  readonly sigma: number;
  readonly min: number;
  readonly max: number;
  readonly step: number;
}

/** Kinds that only the tenant may send, each with its chance per round played. */
export interface TenantKind {
  readonly kind: "ACQUISITION" | "CHARGEBACK" | "ADJUSTMENT";
  readonly chance: number;
}

/** A demo partner: what is needed to create it, and what its simulated activity looks like. */
export interface PartnerProfile {
  readonly code: string;
  readonly name: string;
  readonly kind: `${PartnerKind}`;
  readonly currency: string;
  readonly timezone: string;
  /** The tenant signs this partner's batches, with `sub` naming the partner. */
  readonly signedByTenant: boolean;
  /** The part of a demo's transactions that is this partner's; the three sum to one. */
  readonly share: number;
  readonly batchSize: number;
  readonly playersMax: number;
  readonly stake: StakeProfile;
  /** Bonuses: chance per round, and their part of the turnover. */
  readonly bonus: { readonly chance: number; readonly rate: number };
  readonly freeRoundChance: number;
  readonly brands: readonly BrandProfile[];
  readonly products: readonly ProductProfile[];
  readonly tenantKinds: readonly TenantKind[];
}

/** How often things go wrong: a round voided (per round), an item re-sent, an item late (per item). */
export const MISHAPS = { voidedRound: 0.003, copy: 0.002, late: 0.001 } as const;

const STEADY: readonly Payout[] = [
  { chance: 0.2, low: 0.2, high: 1 },
  { chance: 0.13, low: 1, high: 3 },
  { chance: 0.04, low: 3, high: 10 },
  { chance: 0.006, low: 10, high: 30 },
  { chance: 0.0005, low: 30, high: 80 },
];

const BOLD: readonly Payout[] = [
  { chance: 0.16, low: 0.2, high: 1 },
  { chance: 0.08, low: 1, high: 4 },
  { chance: 0.03, low: 4, high: 15 },
  { chance: 0.006, low: 15, high: 50 },
  { chance: 0.0006, low: 50, high: 150 },
];

const steadySlot: Game = { type: "SLOT", payTable: STEADY, reportsLosses: false };
const boldSlot: Game = { type: "SLOT", payTable: BOLD, reportsLosses: false };
const tellingSlot: Game = { type: "SLOT", payTable: STEADY, reportsLosses: true };
const crash: Game = { type: "CRASH", periodMs: 45_000 };

const gameProvider: PartnerProfile = {
  code: "seorak-play",
  name: "Seorak Play",
  kind: "GAME_PROVIDER",
  currency: "KRW",
  timezone: "Asia/Seoul",
  signedByTenant: false,
  share: 0.5,
  batchSize: 1_000,
  playersMax: 4_000,
  stake: { median: 2_000, sigma: 1.25, min: 100, max: 1_000_000, step: 100 },
  bonus: { chance: 0.03, rate: 0.01 },
  freeRoundChance: 0,
  brands: [],
  products: [
    { code: "tiger-reels", name: "Tiger Reels", weight: 30, rtp: 0.95, game: steadySlot },
    { code: "moon-harvest", name: "Moon Harvest", weight: 20, rtp: 0.945, game: tellingSlot },
    { code: "dragon-gate", name: "Dragon Gate", weight: 15, rtp: 0.955, game: boldSlot },
    { code: "sky-crash", name: "Sky Crash", weight: 35, rtp: 0.95, game: crash },
  ],
  tenantKinds: [],
};

const aggregator: PartnerProfile = {
  code: "meridian-hub",
  name: "Meridian Hub",
  kind: "AGGREGATOR",
  currency: "USD",
  timezone: "Europe/Malta",
  signedByTenant: false,
  share: 0.35,
  batchSize: 1_000,
  playersMax: 3_000,
  stake: { median: 150, sigma: 1.25, min: 10, max: 200_000, step: 5 },
  bonus: { chance: 0.03, rate: 0.008 },
  freeRoundChance: 0.02,
  brands: [
    { code: "harbour", name: "Harbour", weight: 65 },
    { code: "lanterna", name: "Lanterna", weight: 35 },
  ],
  products: [
    { code: "alder.fruit-fall", name: "Fruit Fall (Alder)", weight: 24, rtp: 0.955, game: steadySlot },
    { code: "alder.silver-mine", name: "Silver Mine (Alder)", weight: 18, rtp: 0.95, game: tellingSlot },
    {
      code: "brine.deep-six",
      name: "Deep Six (Brine)",
      weight: 8,
      rtp: 0.94,
      game: steadySlot,
      jackpot: { pool: "deep-six-major", rate: 0.01 },
    },
    { code: "brine.tide-turner", name: "Tide Turner (Brine)", weight: 15, rtp: 0.945, game: boldSlot },
    { code: "cobalt.star-forge", name: "Star Forge (Cobalt)", weight: 15, rtp: 0.95, game: steadySlot },
    { code: "cobalt.lift-off", name: "Lift Off (Cobalt)", weight: 20, rtp: 0.955, game: crash },
  ],
  tenantKinds: [],
};

const affiliate: PartnerProfile = {
  code: "orchid-media",
  name: "Orchid Media",
  kind: "AFFILIATE",
  currency: "BTC",
  timezone: "Asia/Singapore",
  signedByTenant: true,
  share: 0.15,
  batchSize: 500,
  playersMax: 900,
  stake: { median: 20_000, sigma: 1.2, min: 300, max: 5_000_000, step: 100 },
  bonus: { chance: 0.05, rate: 0.01 },
  freeRoundChance: 0,
  brands: [],
  products: [
    { code: "casino", name: "Casino", weight: 30, rtp: 0.95, game: steadySlot },
    { code: "crash", name: "Crash", weight: 70, rtp: 0.95, game: crash },
  ],
  tenantKinds: [
    { kind: "ACQUISITION", chance: 0.006 },
    { kind: "CHARGEBACK", chance: 0.0006 },
    { kind: "ADJUSTMENT", chance: 0.0004 },
  ],
};

/** The demo's partners: a game provider (KRW), an aggregator of two brands (USD), an affiliate (BTC); all fictional. */
export const DEMO_PROFILES: readonly PartnerProfile[] = [gameProvider, aggregator, affiliate];
