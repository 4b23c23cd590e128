import { setTimeout as sleep } from "node:timers/promises";
import { CompactSign } from "jose";
import type { ActType } from "../../src/acts/entities.js";
import { outcomesOf } from "../../src/exchange/contents/service.js";
import { type PostingRun, postBatches } from "../../src/exchange/posting/service.js";
import { type Submission, submitBatch } from "../../src/exchange/submission/service.js";
import type { Actor } from "../../src/kernel/actor.js";
import { present } from "../../src/kernel/assert.js";
import { balancesOf } from "../../src/ledger/service.js";
import { fencePeriod, periodsOf } from "../../src/periods/closing/service.js";
import { holdCursor } from "../../src/periods/cursors/service.js";
import type { SettlementPeriod } from "../../src/periods/entities.js";
import { planFrom } from "../../src/periods/planning/service.js";
import { activityOf } from "../../src/periods/totals/service.js";
import type { App } from "../../src/platform/app.js";
import { transact } from "../../src/platform/database.js";
import type { Partner, Tenant } from "../../src/tenancy/entities.js";
import type { NewPartner } from "../../src/tenancy/service.js";
import type { TestKey } from "../identity/signing.js";
import type { TestApp } from "./app.js";
import { type SeededPartner, type SeededTenant, seedPartner, seedTenant } from "./seeds.js";

/** The present of the tests of the exchange. Days are UTC days; the first period is that of 1 March. */
export const NOW = "2026-03-10T12:00:00.000Z";
/** An instant on a day of March. */
export const onDay = (day: number, hour = 6) =>
  `2026-03-${String(day).padStart(2, "0")}T${String(hour).padStart(2, "0")}:00:00.000Z`;

/** A partner whose days are planned, in its tenant. */
export interface Exchange extends SeededPartner {
  readonly home: SeededTenant;
}

/** A transaction as a batch carries it. */
export type Sent = Readonly<Record<string, unknown>>;

/** Who signs a batch, for whom, and with what. */
export interface Signer {
  readonly key: TestKey;
  readonly actor: Actor;
  readonly partner?: Partner;
  readonly tenant: Tenant;
}

/** A partner of a new tenant, or of one given: US dollars and bitcoins, daily periods in UTC from 1 March on. */
export async function openExchange(
  app: TestApp,
  { home, ...changes }: Partial<NewPartner> & { readonly home?: SeededTenant } = {},
): Promise<Exchange> {
  app.clock.set(NOW);
  const tenant = home ?? (await seedTenant(app));
  const seeded = await seedPartner(app, tenant, { timezone: "UTC", currencies: ["USD", "BTC"], ...changes });
  const plan = {
    configurationId: "cfg_00000000000000000000000000",
    cycle: { kind: "DAILY" as const },
    graceMs: 0,
    effectiveFrom: new Date("2026-03-01T00:00:00.000Z"),
  };
  await transact(app, async (tx) => {
    await holdCursor(tx, seeded.partner);
    await planFrom(app, tx, seeded.partner, plan);
  });
  return { ...seeded, home: tenant };
}

let sent = 0;

/** A payload in order, with whatever the test puts over it. */
export function payloadOf(app: TestApp, { partner, tenant }: Signer, over: Sent = {}): Sent {
  sent += 1;
  const iat = Math.floor(app.clock.now().getTime() / 1000);
  return { iss: partner?.id ?? tenant.id, aud: tenant.id, jti: `batch-${sent}`, iat, transactions: [bet()], ...over };
}

/** The compact JWS of a payload, or of any text, by a key; the header may say otherwise. */
export async function sign(payload: Sent | string, key: TestKey, header: Sent = {}): Promise<string> {
  const text = typeof payload === "string" ? payload : JSON.stringify(payload);
  return new CompactSign(Buffer.from(text))
    .setProtectedHeader({ alg: key.alg, kid: key.kid, typ: "quittance-batch+jws", ...header })
    .sign(key.privateKey);
}

/** Signs and submits, without waiting for the outcome. */
export async function submit(app: TestApp, from: Signer, over: Sent = {}): Promise<Submission> {
  const jws = await sign(payloadOf(app, from, over), from.key);
  return submitBatch(app, from.actor, { jws, waitMs: 0 });
}

/**
 * Submits transactions and posts all that waits; answers what became of each, as `POSTED` or `REFUSED VALIDATION
 * /path`.
 */
export async function send(
  app: TestApp,
  to: Exchange,
  transactions: readonly Sent[],
  { from = to, ...over }: Sent & { readonly from?: Signer } = {},
): Promise<string[]> {
  const { batch } = await submit(app, from, { transactions, ...over });
  // Another worker of the test may hold the partner.
  while (!(await postBatches(app, to.partner)).isDrained) await sleep(5);
  return outcomesIn(app, batch);
}

/** Posts all that waits for a partner. */
export function post(app: App, { partner }: Pick<Exchange, "partner">): Promise<PostingRun> {
  return postBatches(app, partner);
}

/** What became of the items of a batch. */
export async function outcomesIn(
  app: App,
  batch: { readonly tenantNo: number; readonly no: string },
): Promise<string[]> {
  const outcomes = present(await outcomesOf(app.database.manager, batch.tenantNo, batch.no), "outcomes");
  return outcomes.map(({ outcome, code, path }) => [outcome, code, path].filter(Boolean).join(" "));
}

let items = 0;

/** A bet of one dollar on 9 March, unless told otherwise. */
export function bet(over: Sent = {}): Sent {
  items += 1;
  return {
    ...{ id: `t-${items}`, kind: "BET", product: "crash", amount: "1.00", currency: "USD" },
    ...{ occurredAt: onDay(9), ...over },
  };
}

/** A rollback of a transaction. */
export function rollback(reverses: Sent, over: Sent = {}): Sent {
  const { id, amount, currency } = reverses;
  items += 1;
  return {
    ...{ id: `r-${items}`, kind: "ROLLBACK", reverses: id, amount, currency, occurredAt: onDay(9, 7) },
    ...over,
  };
}

/** A partner's balances that are not zero, in minor units. */
export async function balances(app: App, { partner }: Pick<Exchange, "partner">): Promise<Record<string, bigint>> {
  const { accounts } = await balancesOf(app, partner, null);
  const held = accounts.filter(({ balanceMinor }) => balanceMinor !== 0n);
  return Object.fromEntries(
    held.map(({ account, currency, balanceMinor }) => [
      currency === "USD" ? account : `${account} ${currency}`,
      balanceMinor,
    ]),
  );
}

/** A partner's totals of the period that starts on a day: `KIND` or `KIND late` to count and sum. */
export async function totalsOn(app: App, { partner }: Pick<Exchange, "partner">, day: number): Promise<Sent> {
  const period = await periodOn(app, { partner }, day);
  const rows = await activityOf(app.database.manager, partner, period.no);
  return Object.fromEntries(
    rows.map(({ kind, originPeriodNo, count, sumMinor }) => {
      const name = originPeriodNo === period.no ? kind : `${kind} late`;
      return [name, `${count} × ${sumMinor}`];
    }),
  );
}

/** The period that starts on a day of March. */
export async function periodOn(
  app: App,
  { partner }: Pick<Exchange, "partner">,
  day: number,
): Promise<SettlementPeriod> {
  const { rows } = await periodsOf(app, partner, null, { first: 500 });
  const period = rows.find(({ startsAt }) => startsAt.toISOString() === onDay(day, 0));
  return present(period, `the period of ${day} March`);
}

/** Fences the periods of the days up to one. */
export async function closeThrough(app: TestApp, { partner }: Pick<Exchange, "partner">, day: number): Promise<void> {
  for (let each = 1; each <= day; each++) {
    const period = await periodOn(app, { partner }, each);
    await transact(app, async (tx) => {
      await holdCursor(tx, partner);
      await fencePeriod(tx, partner, period, app.clock.now());
    });
  }
}

/** The acts of a tenant of some types, oldest first: who and what they say came of it. */
export async function actsOf(
  app: App,
  { tenant }: Pick<Exchange, "tenant">,
  ...types: ActType[]
): Promise<{ type: ActType; subjectId: string; after: Record<string, unknown> }[]> {
  const rows: { type: ActType; subject_id: string; detail: string }[] = await app.database.query(
    "select type, subject_id, detail from act where tenant_no = ? and type in (?) order by no",
    [tenant.no, types],
  );
  return rows.map(({ type, subject_id, detail }) => ({ type, subjectId: subject_id, after: JSON.parse(detail).after }));
}
