import { decimalText, scaleOf } from "../../kernel/money.js";
import type { TransactionKind } from "../../periods/entities.js";
import { type Game, MISHAPS, type PartnerProfile, type Payout, type ProductProfile } from "./profile.js";
import { Random } from "./random.js";

/** One item of a batch's `transactions`, as a partner writes it (schema/batch.schema.json). */
export interface SimulatedTransaction {
  readonly id: string;
  readonly kind: `${TransactionKind}`;
  readonly product: string;
  readonly brand?: string;
  readonly round?: string;
  readonly player?: string;
  readonly amount: string;
  readonly currency: string;
  readonly occurredAt: string;
  readonly reverses?: string;
  readonly pool?: string;
  readonly freeRound?: boolean;
  readonly units?: number;
}

/** A transaction and the millisecond at which it happens. */
export interface Occurrence {
  readonly atMs: number;
  readonly item: SimulatedTransaction;
}

/** Where rounds are played: one partner's tables, a seed for what all its players share, and a stream of draws. */
export interface Scene {
  readonly profile: PartnerProfile;
  readonly seed: string;
  readonly random: Random;
  /** The window outside which nothing happens; instants before or after it are moved to its bounds. */
  readonly earliestMs: number;
  readonly latestMs: number;
  /** What the seed says of players (by rank) and crash rounds (by product and number), remembered. */
  readonly players: Map<number, Player>;
  readonly crashPoints: Map<string, number>;
}

interface Spin {
  readonly round: string;
  readonly betAtMs: number;
  readonly winAtMs: number;
  /** What is paid, as a multiple of the stake; 0 when lost, null when lost and not reported. */
  readonly multiple: number | null;
}

/** A simulated player: pseudonym, home brand, and how many times the median it stakes. */
export interface Player {
  readonly pseudonym: string;
  readonly brand: string | null;
  readonly stakeFactor: number;
}

interface Table {
  readonly scene: Scene;
  readonly key: string;
  readonly product: ProductProfile;
  readonly player: Player;
  readonly spin: Spin;
  readonly stake: number;
}

const SECOND_MS = 1_000;
/** How steeply players thin out after the most active ones (the shift of a Zipf–Mandelbrot law). */
const PLAYER_SHIFT = 5;
const CRASH_BETTING_MS = 5 * SECOND_MS;
const CRASH_GROWTH_PER_SECOND = 0.12;
const CRASH_TARGET_MIN = 1.1;
const CRASH_TARGET_MAX = 60;
/** The stake, in medians, at which a player aims half as far above one. */
const CAUTIOUS_STAKE = 5;
const FREE_STAKE_STEPS = 5;

/** A scene at its beginning: nothing remembered, draws from a stream of its own for the parts of `stream`. */
export function sceneOf(
  profile: PartnerProfile,
  seed: string,
  stream: readonly string[],
  earliestMs: number,
  latestMs: number,
): Scene {
  const random = Random.of(seed, profile.code, ...stream);
  return { profile, seed, random, earliestMs, latestMs, players: new Map(), crashPoints: new Map() };
}

/**
 * All that one player's round leaves behind, in the order it happens: a stake, perhaps a prize, a bonus, a
 * contribution, and, when the round is voided, the rollbacks of them. Ids are the key and a letter.
 */
export function playRound(scene: Scene, startMs: number, key: string): Occurrence[] {
  const { profile, random } = scene;
  const product = random.pick(profile.products);
  if (product === null) return [];
  const player = drawPlayer(scene);
  const isFree = random.chance(profile.freeRoundChance);
  const stake = isFree ? freeStake(scene) : drawStake(scene, player);
  const spin =
    product.game.type === "SLOT" ? spinReels(scene, product, startMs, key) : ride(scene, product, startMs, stake);
  const table: Table = { scene, key, product, player, spin, stake };
  return isFree ? freeRound(table) : [...paidRound(table), ...asides(table)];
}

function freeRound(table: Table): Occurrence[] {
  const { spin, stake } = table;
  const bet = occurrence(table, "BONUS_BET", spin.betAtMs, stake, { freeRound: true });
  if (spin.multiple === null) return [bet];
  return [bet, occurrence(table, "BONUS_WIN", spin.winAtMs, stake * spin.multiple, { freeRound: true })];
}

function paidRound(table: Table): Occurrence[] {
  const { spin, stake, product } = table;
  const { random } = table.scene;
  const played = [occurrence(table, "BET", spin.betAtMs, stake)];
  const contribution = Math.round(stake * (product.jackpot?.rate ?? 0));
  if (product.jackpot !== undefined && contribution > 0) {
    const { pool } = product.jackpot;
    played.push(occurrence(table, "JACKPOT_CONTRIBUTION", spin.betAtMs, contribution, { pool }));
  }
  if (spin.multiple !== null) played.push(occurrence(table, "WIN", spin.winAtMs, stake * spin.multiple));
  if (!random.chance(MISHAPS.voidedRound)) return played;
  const voidedAtMs = spin.winAtMs + random.between(5, 120) * SECOND_MS;
  return [...played, ...played.toReversed().map(({ item }) => rollbackOf(table, item, voidedAtMs))];
}

/** What comes with some rounds but is not of them: a bonus, and the kinds that only the tenant sends. */
function asides(table: Table): Occurrence[] {
  const { scene, spin, stake } = table;
  const { random, profile } = scene;
  const found: Occurrence[] = [];
  if (random.chance(profile.bonus.chance)) {
    const amount = stake * (profile.bonus.rate / profile.bonus.chance) * random.between(0.5, 1.5);
    found.push(occurrence(table, "BONUS", spin.winAtMs + random.between(1, 60) * SECOND_MS, amount));
  }
  for (const { kind, chance } of profile.tenantKinds) {
    if (!random.chance(chance)) continue;
    const atMs = spin.winAtMs + random.between(1, 300) * SECOND_MS;
    if (kind === "ACQUISITION") found.push(occurrence(table, kind, atMs, 0, { units: 1 }));
    if (kind === "CHARGEBACK") found.push(occurrence(table, kind, atMs, stake * random.between(1, 5)));
    if (kind === "ADJUSTMENT") found.push(occurrence(table, kind, atMs, stake * random.between(-2, 2)));
  }
  return found;
}

type Draft = { -readonly [Name in keyof SimulatedTransaction]: SimulatedTransaction[Name] };
type Extras = Pick<SimulatedTransaction, "pool" | "freeRound" | "units">;
/** How an id ends, by kind; a rollback's is its original's and an R. */
const LETTERS = {
  BET: "B",
  WIN: "W",
  BONUS: "G",
  BONUS_BET: "B",
  BONUS_WIN: "W",
  JACKPOT_CONTRIBUTION: "J",
  ACQUISITION: "A",
  CHARGEBACK: "C",
  ADJUSTMENT: "D",
} as const satisfies Partial<Record<`${TransactionKind}`, string>>;
const OUTSIDE_ROUNDS: readonly string[] = ["BONUS", "ACQUISITION", "CHARGEBACK", "ADJUSTMENT"];

function occurrence(
  table: Table,
  kind: keyof typeof LETTERS,
  atMs: number,
  amountMinor: number,
  extras?: Extras,
): Occurrence {
  const { scene, key, product, player, spin } = table;
  const { currency } = scene.profile;
  const at = within(scene, atMs);
  const item: Draft = {
    id: `${key}-${LETTERS[kind]}`,
    kind,
    product: product.code,
    player: player.pseudonym,
    amount: decimalText(BigInt(Math.round(amountMinor)), scaleOf(currency)),
    currency,
    occurredAt: new Date(at).toISOString(),
  };
  if (player.brand !== null) item.brand = player.brand;
  if (!OUTSIDE_ROUNDS.includes(kind)) item.round = spin.round;
  return { atMs: at, item: extras === undefined ? item : Object.assign(item, extras) };
}

/** The whole of the original, as contract.md wants it; all other dimensions are the original's. */
function rollbackOf(table: Table, original: SimulatedTransaction, atMs: number): Occurrence {
  const at = within(table.scene, atMs);
  const item: SimulatedTransaction = {
    id: `${original.id}R`,
    kind: "ROLLBACK",
    reverses: original.id,
    product: original.product,
    amount: original.amount,
    currency: original.currency,
    occurredAt: new Date(at).toISOString(),
  };
  return { atMs: at, item };
}

function within(scene: Scene, atMs: number): number {
  return Math.floor(Math.min(Math.max(atMs, scene.earliestMs), scene.latestMs));
}

/** A player by rank, few of them playing much; a rank's pseudonym, brand and habits depend on the seed alone. */
function drawPlayer({ profile, seed, random, players }: Scene): Player {
  const rank = Math.floor(PLAYER_SHIFT * ((1 + profile.playersMax / PLAYER_SHIFT) ** random.unit() - 1));
  const known = players.get(rank);
  if (known !== undefined) return known;
  const own = Random.of(seed, profile.code, "player", rank);
  const pseudonym = own.hex(16);
  const brand = own.pick(profile.brands)?.code ?? null;
  const player = { pseudonym, brand, stakeFactor: Math.exp((profile.stake.sigma / Math.SQRT2) * own.normal()) };
  players.set(rank, player);
  return player;
}

/** Half of a stake's spread is the player's, half is the moment's. */
function drawStake({ profile, random }: Scene, player: Player): number {
  const { median, sigma, min, max, step } = profile.stake;
  const drawn = median * player.stakeFactor * Math.exp((sigma / Math.SQRT2) * random.normal());
  return Math.min(Math.max(Math.round(drawn / step) * step, min), max);
}

function freeStake({ profile, random }: Scene): number {
  return profile.stake.min * (1 + Math.floor(random.unit() * FREE_STAKE_STEPS));
}

function spinReels(scene: Scene, product: ProductProfile, startMs: number, key: string): Spin {
  const { random } = scene;
  const multiple = product.game.type === "SLOT" ? slotMultiple(random, product.game, product.rtp) : null;
  return { round: `r-${key}`, betAtMs: startMs, winAtMs: startMs + random.between(1, 8) * SECOND_MS, multiple };
}

function slotMultiple(random: Random, game: Extract<Game, { type: "SLOT" }>, rtp: number): number | null {
  let rest = random.unit();
  for (const { chance, low, high } of game.payTable) {
    if (rest < chance) return random.between(low, high) * (rtp / expectedMultiple(game.payTable));
    rest -= chance;
  }
  return game.reportsLosses ? 0 : null;
}

function expectedMultiple(payTable: readonly Payout[]): number {
  let sum = 0;
  for (const { chance, low, high } of payTable) sum += (chance * (low + high)) / 2;
  return sum;
}

/**
 * A crash round is shared: its number follows from the instant, its crash point from the number. Whoever aims at m is
 * paid m with probability rtp / m; the higher the stake, the earlier the exit.
 */
function ride(scene: Scene, product: ProductProfile, startMs: number, stake: number): Spin {
  const { profile, random } = scene;
  const periodMs = product.game.type === "CRASH" ? product.game.periodMs : CRASH_BETTING_MS;
  const number = Math.floor(startMs / periodMs);
  const caution = 1 + stake / (CAUTIOUS_STAKE * profile.stake.median);
  const aimed = 1 + (CRASH_TARGET_MIN / Math.sqrt(1 - random.unit()) - 1) / caution;
  const target = Math.round(Math.min(aimed, CRASH_TARGET_MAX) * 100) / 100;
  const betAtMs = number * periodMs + random.between(0, CRASH_BETTING_MS);
  const flightMs = (Math.log(target) / CRASH_GROWTH_PER_SECOND) * SECOND_MS;
  const winAtMs = number * periodMs + CRASH_BETTING_MS + flightMs;
  return {
    round: `${number}`,
    betAtMs,
    winAtMs,
    multiple: target <= crashPoint(scene, product, number) ? target : null,
  };
}

function crashPoint({ profile, seed, crashPoints }: Scene, product: ProductProfile, number: number): number {
  const key = `${product.code} ${number}`;
  const known = crashPoints.get(key);
  if (known !== undefined) return known;
  const point = product.rtp / (1 - Random.of(seed, profile.code, key).unit());
  crashPoints.set(key, point);
  return point;
}
