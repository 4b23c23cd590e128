import { createHash } from "node:crypto";
import type { Batch } from "../../src/exchange/entities.js";
import { type Submission, submitBatch } from "../../src/exchange/submission/service.js";
import type { App } from "../../src/platform/app.js";
import { type NaiveBatch, NaiveBooks, type NaiveItem } from "../exchange/naive-books.js";
import { openPlace, type Place } from "../settlement/place.js";
import type { TestApp } from "../support/app.js";
import { onDay, type Sent, sign } from "../support/batches.js";
import { example } from "../support/contracts.js";
import { type SeededClient, seedClient, seedTenant } from "../support/seeds.js";
import { NaiveLedger } from "./naive-ledger.js";
import type { Random } from "./random.js";

const CURRENCIES = ["USD", "BTC"];
const SCALES: Readonly<Record<string, number>> = { USD: 2, BTC: 8, EUR: 2 };
/** The first day of the histories; the first period is that of 1 March. */
const FIRST_DAY = 3;

/** A quarter of the ids that batches use; with every batch it is two later ones. */
const IDS_AT_A_TIME = 10;
/** Batches whose items are repeated, changed and rolled back. */
const RECENT_BATCHES = 5;

/** A batch that was acknowledged, and what the naive books think of it. */
export interface SentBatch {
  readonly jws: string;
  readonly jti: string;
  readonly signer: Signing;
  readonly batch: Batch;
  readonly receipt: string;
  readonly naive: NaiveBatch;
  /** What it came to by the naive books; null until it is posted. */
  expected: readonly string[] | null;
}

type Signing = Pick<SeededClient, "key" | "actor">;

/** One partner of a history, real and naive. */
export interface Side {
  readonly place: Place;
  readonly ledger: NaiveLedger;
  /** In the order of acceptance, which is that of posting. */
  readonly sent: SentBatch[];
}

/** A tenant with two partners at an hour of a day. */
export interface World {
  readonly sides: readonly Side[];
  readonly tenantSigner: SeededClient;
  day: number;
  hour: number;
}

/** A new tenant with two partners that settle 12 % of GGR daily in dollars, and in bitcoins where there are any. */
export async function openWorld(app: TestApp): Promise<World> {
  setTime(app, { day: FIRST_DAY, hour: 7 });
  const home = await seedTenant(app);
  const document = {
    ...example("config-daily-12pct"),
    base: { measure: "GGR", freeRoundStake: "ZERO", jackpotWins: "EXCLUDED" },
  };
  const sides: Side[] = [];
  for (let each = 0; each < 2; each++) {
    const changes = { home, document, timezone: "UTC", currencies: CURRENCIES };
    const place = await openPlace(app, onDay(1, 0), changes);
    const books = new NaiveBooks(CURRENCIES);
    books.openFrom = 1;
    sides.push({ place, ledger: new NaiveLedger(books), sent: [] });
  }
  return { sides, tenantSigner: await seedClient(app, home.actor, null), day: FIRST_DAY, hour: 7 };
}

/** The clock of a world: it runs on by itself for less than an hour. */
export function setTime(app: TestApp, { day, hour }: Pick<World, "day" | "hour">): void {
  app.clock.set(onDay(day, hour));
}

/** Few ids at a time, amounts and days for both partners, so that everything meets everything. */
export function randomBatch(random: Random, world: World, { sent }: Side): NaiveBatch {
  const items: NaiveItem[] = [];
  const isTenants = random.is(0.25);
  const recent = sent.slice(-RECENT_BATCHES).flatMap(({ naive }) => naive.items);
  const newest = 2 * sent.length + IDS_AT_A_TIME;
  const anyId = () => `i${random.whole(newest - IDS_AT_A_TIME, newest + 3 * IDS_AT_A_TIME)}`;
  for (const length = random.whole(1, 8); items.length < length; ) {
    items.push(randomItem(random, world, { recent: [...recent, ...items], anyId, isTenants }));
  }
  return { isAtomic: random.is(0.2), items, isTenants, today: world.day };
}

interface Ids {
  readonly recent: readonly NaiveItem[];
  readonly anyId: () => string;
  readonly isTenants: boolean;
}

function randomItem(random: Random, world: World, ids: Ids): NaiveItem {
  const earlier = ids.recent.length === 0 ? null : random.one(ids.recent);
  if (earlier !== null && random.is(0.08)) return earlier;
  if (earlier !== null && random.is(0.04)) return { ...earlier, ...changed(earlier) };
  const tenants = ids.isTenants ? 12 : 1;
  const kind = random.weighted({
    ...{ BET: 25, WIN: 12, ROLLBACK: 30, BONUS: 3, JACKPOT_CONTRIBUTION: 4, JACKPOT_WIN: 3, FEE: 6 },
    ...{ ADJUSTMENT: tenants, CHARGEBACK: tenants, ACQUISITION: tenants, CREDIT_PURCHASE: 1 },
  });
  const day = Number(random.weighted({ 0: 5, [world.day + 1]: 4, [random.whole(1, world.day)]: 91 }));
  const currency = random.weighted({ USD: 16, BTC: 4, EUR: 1 });
  const amount = kind === "ACQUISITION" ? 0 : random.one([100, 100, 100, 100, 100, 250, 1]);
  const item = { id: ids.anyId(), kind, amount, currency, day, reverses: ids.anyId() };
  return kind === "ROLLBACK" ? rollbackOf(random, item, earlier) : { ...item, ...detailsOf(random, item) };
}

/** The same id with other content; an acquisition is of no money. */
function changed({ kind, amount, units = 0 }: NaiveItem): Partial<NaiveItem> {
  return kind === "ACQUISITION" ? { units: units + 1 } : { amount: amount + 1 };
}

function rollbackOf(random: Random, item: NaiveItem, earlier: NaiveItem | null): NaiveItem {
  if (earlier === null || random.is(0.3)) return item;
  const { id, currency, amount } = earlier;
  return { ...item, reverses: id, currency, amount: random.is(0.9) ? amount : 7 };
}

/** What a kind has besides, and a sign. */
function detailsOf(random: Random, { kind, amount }: NaiveItem): Partial<NaiveItem> {
  switch (kind) {
    case "FEE":
      return { category: random.one(["PROVIDER", "PAYMENT"]) };
    case "ADJUSTMENT":
      return { amount: random.is(0.4) ? -amount : amount };
    case "ACQUISITION":
      return { units: random.whole(1, 5) };
    case "CHARGEBACK":
    case "CREDIT_PURCHASE":
      return {};
    default:
      return { amount: random.is(0.04) ? -amount : amount, product: random.one(["crash", "dice"]) };
  }
}

let batches = 0;

/** Signs a batch for a partner as whoever the naive batch says. */
export async function signBatch(
  app: TestApp,
  { tenantSigner }: World,
  { place }: Side,
  naive: NaiveBatch,
  jti?: string,
): Promise<Omit<SentBatch, "batch" | "receipt">> {
  batches += 1;
  const signer: Signing = naive.isTenants === true ? tenantSigner : place;
  const payload = {
    ...{ iss: naive.isTenants === true ? place.tenant.id : place.partner.id, aud: place.tenant.id },
    ...(naive.isTenants === true ? { sub: place.partner.id } : {}),
    ...{ jti: jti ?? `batch-${batches}`, iat: Math.floor(app.clock.now().getTime() / 1000) },
    ...(naive.isAtomic ? { mode: "ATOMIC" } : {}),
    transactions: naive.items.map(transactionOf),
  };
  return { jws: await sign(payload, signer.key), jti: payload.jti, signer, naive, expected: null };
}

/** Sends what was signed, without waiting for its posting. */
export function submitSigned(app: App, { jws, signer }: Pick<SentBatch, "jws" | "signer">): Promise<Submission> {
  return submitBatch(app, signer.actor, { jws, waitMs: 0 });
}

/** A short name of some outcomes, for a log of what happened. */
export function digestOf(outcomes: readonly string[]): string {
  return createHash("sha256").update(outcomes.join()).digest("hex").slice(0, 8);
}

function transactionOf({ id, kind, amount, currency, day, reverses, product, category, units }: NaiveItem): Sent {
  const scale = SCALES[currency] ?? 0;
  return {
    ...{ id, kind, currency, occurredAt: day === 0 ? "2026-02-28T06:00:00.000Z" : onDay(day) },
    ...(kind === "ACQUISITION" ? {} : { amount: (amount / 10 ** scale).toFixed(scale) }),
    ...(kind === "ROLLBACK" ? { reverses } : {}),
    ...(product === undefined ? {} : { product }),
    ...(category === undefined ? {} : { category }),
    ...(units === undefined ? {} : { units }),
  };
}
