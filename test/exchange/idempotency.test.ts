import { beforeEach, describe, expect, test } from "vitest";
import { ActType } from "../../src/acts/entities.js";
import type { Batch } from "../../src/exchange/entities.js";
import { postPartner } from "../../src/exchange/posting/jobs.js";
import { postBatches } from "../../src/exchange/posting/service.js";
import { submitBatch } from "../../src/exchange/submission/service.js";
import { transactionOf } from "../../src/exchange/transactions/service.js";
import { GROUP_LIMITS } from "../../src/exchange/waiting/service.js";
import { revokeKey } from "../../src/identity/key-revocations/service.js";
import { signingKey } from "../../src/identity/keys/service.js";
import { present } from "../../src/kernel/assert.js";
import { fsck } from "../../src/operations/fsck/service.js";
import type { App } from "../../src/platform/app.js";
import { performFlow } from "../../src/platform/flows.js";
import { closeApp } from "../../src/platform/open-app.js";
import { dueJob } from "../../src/settlement/flows/jobs.js";
import { planAheadForAllTenants } from "../../src/settlement/planning/service.js";
import { settle } from "../../src/settlement/runs/service.js";
import { openPlace, type Place } from "../settlement/place.js";
import { openTestApp, testApp } from "../support/app.js";
import { actsOf, balances, bet, onDay, outcomesIn, payloadOf, rollback, type Sent, sign } from "../support/batches.js";
import { loseRedis } from "../support/redis.js";

const app = await testApp();
const { clock, config } = app;
/** A second process of every role. */
const second = await testApp({ clock, config: { redisPrefix: config.redisPrefix } });
let place: Place;

beforeEach(async () => {
  clock.set("2026-03-10T12:00:00.000Z");
  place = await openPlace(app, onDay(1, 0), { timezone: "UTC" });
});

async function signed(transactions: readonly Sent[], over: Sent = {}): Promise<string> {
  return sign(payloadOf(app, place, { transactions, ...over }), place.key);
}

async function submitted(jws: string, by: App = app) {
  return submitBatch(by, place.actor, { jws, waitMs: 0 });
}

/** Sends and posts; answers what became of each item. */
async function reported(transactions: readonly Sent[]): Promise<string[]> {
  const { batch } = await submitted(await signed(transactions));
  await postBatches(app, place.partner);
  return outcomesIn(app, batch);
}

async function differences() {
  return (await fsck(app, { tenantId: place.tenant.id })).differences;
}

describe("sent at once to two processes", () => {
  test("one payload is one batch, and every answer is the same receipt", async () => {
    const jws = await signed([bet(), bet()]);
    const all = await Promise.all(Array.from({ length: 10 }, (_, each) => submitted(jws, each % 2 ? app : second)));
    expect(new Set(all.map(({ receipt, batch }) => `${batch.id} ${receipt}`)).size).toBe(1);
    expect(all.filter(({ replayed }) => !replayed)).toHaveLength(1);
    await Promise.all([postBatches(app, place.partner), postBatches(second, place.partner)]);
    expect(await balances(app, place)).toEqual({ CLEARING: 200n, STAKES: -200n });
    expect(await actsOf(app, place, ActType.BATCH_ACCEPTED, ActType.BATCH_POSTED)).toHaveLength(2);
  });

  test("two payloads under one jti are one batch and refusals, whichever was first", async () => {
    const payloads = [await signed([bet()], { jti: "night" }), await signed([bet(), bet()], { jti: "night" })];
    const all = await Promise.allSettled(
      Array.from({ length: 8 }, (_, each) => submitted(payloads[each % 2] ?? "", each % 4 < 2 ? app : second)),
    );
    const answers = all.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
    const refusals = all.flatMap((result) => (result.status === "rejected" ? [result.reason] : []));
    expect(new Set(answers.map(({ receipt }) => receipt)).size).toBe(1);
    expect(answers).toHaveLength(4);
    expect(refusals.map(({ code }) => code)).toEqual(Array.from({ length: 4 }, () => "IDEMPOTENCY_CONFLICT"));
    expect(await actsOf(app, place, ActType.BATCH_ACCEPTED)).toHaveLength(1);
  });

  test("the same items in many batches post once, while two workers post", async () => {
    const items = Array.from({ length: 5 }, () => bet());
    const batches: Batch[] = [];
    const send = async (each: number) => {
      const own = each % 3 === 0 ? items.toReversed() : [...items, ...items];
      batches.push((await submitted(await signed(own), each % 2 ? app : second)).batch);
      await postBatches(each % 2 ? second : app, place.partner);
    };
    await Promise.all(Array.from({ length: 9 }, (_, each) => send(each)));
    while (!(await postBatches(app, place.partner)).isDrained);
    const outcomes = (await Promise.all(batches.map((batch) => outcomesIn(app, batch)))).flat();
    expect(outcomes.filter((outcome) => outcome === "POSTED")).toHaveLength(5);
    expect(outcomes.filter((outcome) => outcome === "DUPLICATE")).toHaveLength(3 * 5 + 6 * 10 - 5);
    expect(await balances(app, place)).toEqual({ CLEARING: 500n, STAKES: -500n });
    expect(await differences()).toEqual([]);
  });
});

describe("years later", () => {
  /** Settles the past, forgets Redis and what processes keep in memory, and lets five years pass. */
  async function yearsLater(): Promise<App & { readonly close: () => Promise<void> }> {
    await settle(app, place.shell, { partnerId: place.partner.id, through: new Date(onDay(10, 0)) });
    clock.set("2031-03-10T12:00:00.000Z");
    await planAheadForAllTenants(app);
    await settle(app, place.shell, { partnerId: place.partner.id, through: new Date("2026-04-01T00:00:00.000Z") });
    await loseRedis(app);
    const fresh = await openTestApp({ clock, config: { redisPrefix: config.redisPrefix } });
    return { ...fresh, close: () => closeApp(fresh) };
  }

  test("a payload answers its first receipt, also when its key is revoked and its periods are settled", async () => {
    const jws = await signed([bet()]);
    const first = await submitted(jws);
    await postBatches(app, place.partner);
    const later = await yearsLater();
    try {
      const key = present(await signingKey(app, place.tenant.id, place.key.kid), "a key");
      await revokeKey(app, place.shell, { keyId: key.id, reason: "old" });
      const again = await submitted(jws, later);
      expect(again).toMatchObject({ replayed: true, receipt: first.receipt, batch: { state: "POSTED" } });
      expect(await actsOf(app, place, ActType.BATCH_ACCEPTED, ActType.BATCH_REFUSED)).toHaveLength(1);
    } finally {
      await later.close();
    }
  });

  test("an item is a duplicate, changed a mismatch; its rollback posts late, and once", async () => {
    const [old, early] = [bet(), bet({ amount: "2.00" })];
    const waiting = rollback(early);
    expect(await reported([old, waiting])).toEqual(["POSTED", "PENDING_ORIGINAL"]);
    const later = await yearsLater();
    try {
      const before = await balances(later, place);
      expect(await reported([old, { ...old, amount: "9.00" }, old])).toEqual([
        ...["DUPLICATE", "DUPLICATE_MISMATCH", "DUPLICATE"],
      ]);
      expect(await balances(later, place)).toEqual(before);
      const [undo, again] = [rollback(old), rollback(old)];
      expect(await reported([undo, undo, again, early, waiting])).toEqual([
        ...["POSTED", "DUPLICATE", "REFUSED ALREADY_REVERSED /transactions/2/reverses", "POSTED", "DUPLICATE"],
      ]);
      const after = await balances(later, place);
      expect((after["CLEARING"] ?? 0n) - (before["CLEARING"] ?? 0n)).toBe(-100n);
      const late: { kind: string; period: Date }[] = await app.database.query(
        `select total.kind, period.starts_at as period from activity_total as total
         join settlement_period as period on period.tenant_no = total.tenant_no and period.no = total.period_no
         where total.tenant_no = ? and total.origin_period_no <> total.period_no order by total.kind`,
        [place.tenant.no],
      );
      const open = "2026-04-01T00:00:00.000Z"; // the earliest that is open
      expect(late.map(({ kind, period }) => [kind, period.toISOString()])).toEqual([
        ["BET", open],
        ["ROLLBACK_BET", open],
      ]);
      expect(await differences()).toEqual([]);
    } finally {
      await later.close();
    }
  });
});

describe("a rollback that waited and did not fit", () => {
  test("that was refused so gives its id up: corrected, it posts under it, and fsck can explain both", async () => {
    const original = bet();
    const misfit = rollback(original, { amount: "5.00" });
    await reported([misfit]);
    await reported([original]);
    expect(await reported([misfit])).toEqual(["REFUSED ROLLBACK_MISMATCH /transactions/0/reverses"]);
    expect(await reported([{ ...misfit, amount: "1.00" }])).toEqual(["POSTED"]);
    expect(await statesOf(misfit)).toEqual(["POSTED", "REFUSED"]);
    expect(await transactionOf(app, place.partner, String(misfit["id"]))).toMatchObject({ state: "POSTED" });
    expect(await reported([{ ...misfit, amount: "1.00" }, misfit])).toEqual(["DUPLICATE", "DUPLICATE_MISMATCH"]);
    expect(await balances(app, place)).toEqual({});
    expect(await differences()).toEqual([]);
  });

  test("gives its id up within one group, again and again", async () => {
    const [first, second] = [bet(), bet()];
    const misfit = rollback(first, { amount: "5.00" });
    const again = { ...misfit, reverses: second["id"], amount: "6.00" };
    await submitted(await signed([misfit]));
    await submitted(await signed([first, again]));
    await submitted(await signed([second, { ...misfit, amount: "1.00" }, rollback(second)]));
    expect(await postBatches(app, place.partner)).toMatchObject({ batches: 3 });
    expect(await statesOf(misfit)).toEqual(["POSTED", "REFUSED", "REFUSED"]);
    expect(await balances(app, place)).toEqual({});
    expect(await differences()).toEqual([]);
  });
});

describe("jobs", () => {
  const own = () => ({ tenantId: place.tenant.id, tenantNo: place.tenant.no, partnerId: place.partner.id });

  test("run twice, at once, too early, too late and in any order change each thing once", async () => {
    await settle(app, place.shell, { partnerId: place.partner.id, through: new Date(onDay(10, 0)) }); // the backfilled
    clock.set("2026-03-11T12:00:00.000Z");
    const post = (by: App) => postPartner.perform(by, own());
    const close = (by: App) => performFlow(by, dueJob(own()));
    const jobs = [
      () => close(app),
      () => post(app),
      () => post(second),
      () => close(second),
      () => post(app),
      () => close(app),
    ];
    for (let round = 0; round < 3; round++) {
      const { batch } = await submitted(await signed([bet({ occurredAt: onDay(10, round + 1) })]));
      const runs = round === 1 ? jobs.toReversed() : jobs;
      await Promise.all(runs.map((run) => run()));
      for (const run of runs) await run();
      expect(await outcomesIn(app, batch)).toEqual(["POSTED"]);
      clock.advance(86_400_000);
    }
    clock.advance(365 * 86_400_000);
    await postPartner.perform(second, own()); // a job that lay in a queue for a year
    const posted = await actsOf(app, place, ActType.BATCH_POSTED);
    expect([posted.length, new Set(posted.map(({ subjectId }) => subjectId)).size]).toEqual([3, 3]);
    const settled = await actsOf(app, place, ActType.PERIOD_CLOSED, ActType.STATEMENT_ISSUED);
    expect(new Set(settled.map(({ type, subjectId }) => `${type} ${subjectId}`)).size).toBe(settled.length);
    const [{ closed, statements }] = await app.database.query(
      `select count(distinct period_no) as closed, count(*) as statements from statement where tenant_id = ?`,
      [place.tenant.id],
    );
    expect(settled).toHaveLength(Number(closed) + Number(statements));
    expect(Number(closed)).toBe(12);
    expect(await differences()).toEqual([]);
  });

  test("for a partner that there is not, or of another tenant, fail and change nothing", async () => {
    const other = await openPlace(app, onDay(1, 0));
    const { batch } = await submitted(await signed([bet()]));
    const foreign = { ...own(), tenantId: other.tenant.id, tenantNo: other.tenant.no };
    await expect(postPartner.perform(app, foreign)).rejects.toMatchObject({ code: "NOT_FOUND" });
    await expect(async () => postPartner.perform(app, { partnerId: place.partner.id })).rejects.toThrow("tenantId");
    const [{ state }] = await app.database.query("select state from batch where tenant_no = ? and no = ?", [
      place.tenant.no,
      batch.no,
    ]);
    expect(state).toBe("ACCEPTED");
  });
});

describe("a posting group", () => {
  /** How many batches each group takes when the waiting ones have such payloads. */
  async function groupsOf(megabytes: readonly number[]): Promise<number[]> {
    for (const size of megabytes) {
      const { batch } = await submitted(await signed([bet()]));
      await app.database.query("update batch set payload_bytes = ? where tenant_no = ? and no = ?", [
        size * 1024 * 1024,
        place.tenant.no,
        batch.no,
      ]);
    }
    const groups: number[] = [];
    for (;;) {
      const { batches } = await postBatches(app, place.partner, 1); // a budget of one item: one group
      if (batches === 0) return groups;
      groups.push(batches);
    }
  }

  test("takes payloads up to its bound, in order, and a single one whatever its size", async () => {
    expect(GROUP_LIMITS.bytesMax).toBe(32 * 1024 * 1024);
    expect(await groupsOf([16, 16, 1, 20, 13, 19, 40, 1, 31, 2])).toEqual([2, 2, 2, 1, 2, 1]);
    expect(await balances(app, place)).toEqual({ CLEARING: 1_000n, STAKES: -1_000n });
  });
});

/** The states of every transaction that ever had an item's id, sorted. */
async function statesOf(item: Sent): Promise<string[]> {
  const rows: { state: string }[] = await app.database.query(
    "select state from transaction where tenant_no = ? and partner_no = ? and external_id = ? order by state",
    [place.tenant.no, place.partner.no, item["id"]],
  );
  return rows.map(({ state }) => state).toSorted();
}
