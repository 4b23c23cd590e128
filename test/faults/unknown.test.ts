import { beforeEach, expect, onTestFinished, test } from "vitest";
import { ActType } from "../../src/acts/entities.js";
import { numberActsForAllTenants } from "../../src/events/relay/service.js";
import { postBatches } from "../../src/exchange/posting/service.js";
import { submitBatch } from "../../src/exchange/submission/service.js";
import { present } from "../../src/kernel/assert.js";
import { fsck } from "../../src/operations/fsck/service.js";
import { CommitOutcomeUnknown } from "../../src/platform/database.js";
import { tryLease } from "../../src/platform/lease.js";
import { closeApp } from "../../src/platform/open-app.js";
import { createPayoutFile } from "../../src/settlement/payout-files/service.js";
import { Payout, PayoutState } from "../../src/settlement/payouts/entities.js";
import { markPayoutPaid } from "../../src/settlement/payouts/service.js";
import { settle } from "../../src/settlement/runs/service.js";
import { PartnerKind } from "../../src/tenancy/entities.js";
import { createPartner } from "../../src/tenancy/service.js";
import { EUROS, openPaid, released } from "../settlement/payout-place.js";
import { openPlace, report } from "../settlement/place.js";
import { openTestApp, testApp } from "../support/app.js";
import {
  actsOf,
  balances,
  bet,
  type Exchange,
  openExchange,
  payloadOf,
  post,
  sign,
  submit,
} from "../support/batches.js";
import { type Cut, type DatabaseProxy, startProxy } from "../support/proxy.js";
import { SqlFaults } from "../support/sql-faults.js";

const app = await testApp();
let place: Exchange;

beforeEach(async () => {
  place = await openExchange(app);
});

/** Whether the server has committed what the client got no answer for. */
const CUTS: readonly [Cut, boolean][] = [
  ["before", false],
  ["after", true],
  ["late", true],
];

test.each(CUTS)(
  "accepting: COMMIT lost %s the server had it; stored: %s, and the caller is told so",
  async (cut, isStored) => {
    const { remote, proxy } = await openRemote();
    await submit(remote, place); // the tenant's own key is made by now
    const jws = await sign(payloadOf(app, place), place.key);
    const send = () => submitBatch(remote, place.actor, { jws, waitMs: 0 });
    proxy.cutNextCommit(cut);
    const first = await send().catch((error: unknown) => error);
    expect(proxy.cuts()).toBe(1);
    if (isStored) expect(first).toMatchObject({ replayed: false, receipt: expect.any(String) });
    else expect(first).toBeInstanceOf(CommitOutcomeUnknown);
    expect(await send()).toMatchObject({ replayed: isStored, ...(isStored ? { receipt: Object(first).receipt } : {}) });
    expect(await actsOf(app, place, ActType.BATCH_ACCEPTED)).toHaveLength(2);
  },
);

test.each(CUTS)(
  "a mutation: COMMIT lost %s the server had it; done: %s, and its key does it once",
  async (cut, isDone) => {
    const { remote, proxy } = await openRemote();
    const code = `once-${cut}`;
    const named = { code, name: code, kind: PartnerKind.AGGREGATOR, timezone: "UTC", currencies: ["USD"] };
    const create = () => createPartner(remote, place.home.actor, named, `key-${cut}`);
    proxy.cutNextCommit(cut);
    const first = await create().catch((error: unknown) => error);
    expect(proxy.cuts()).toBe(1);
    if (isDone) expect(first).toMatchObject({ code });
    else expect(first).toBeInstanceOf(CommitOutcomeUnknown);
    expect(await create()).toMatchObject({ code });
    const rows = await app.database.query("select id from partner where tenant_id = ? and code = ?", [
      place.tenant.id,
      code,
    ]);
    expect(rows).toHaveLength(1);
  },
);

test.each(CUTS)("posting: COMMIT lost %s the server had it; posted: %s, and once in the end", async (cut) => {
  const { remote, proxy } = await openRemote();
  await submit(app, place);
  proxy.cutNextCommit(cut);
  await expect(postBatches(remote, place.partner)).rejects.toBeInstanceOf(CommitOutcomeUnknown);
  expect(proxy.cuts()).toBe(1);
  while (!(await post(app, place)).isDrained);
  expect(await actsOf(app, place, ActType.BATCH_POSTED)).toHaveLength(1);
  expect(await balances(app, place)).toEqual({ CLEARING: 100n, STAKES: -100n });
});

test("accepting: where the database cannot tell either, nobody says that nothing was stored", async () => {
  const faults = new SqlFaults();
  const { remote, proxy } = await openRemote(faults);
  await submit(remote, place);
  const jws = await sign(payloadOf(app, place), place.key);
  const send = () => submitBatch(remote, place.actor, { jws, waitMs: 0 });
  proxy.cutNextCommit("after");
  faults.fail("select no from batch where", { errno: 1205, sqlState: "HY000" });
  await expect(send()).rejects.toBeInstanceOf(CommitOutcomeUnknown);
  expect([proxy.cuts(), faults.struck()]).toEqual([1, 1]);
  expect(await send()).toMatchObject({ replayed: true });
});

test.each(CUTS)(
  "numbering: COMMIT lost %s the server had it; numbered: %s, and each act once in the end",
  async (cut) => {
    const { remote, proxy } = await openRemote();
    const lease = present(await tryLease(remote, `unknown-${cut}`), "a lease");
    while ((await numberActsForAllTenants(remote, lease)) > 0);
    for (let i = 0; i < 3; i++) await submit(app, place);
    proxy.cutNextCommit(cut);
    await expect(numberActsForAllTenants(remote, lease)).rejects.toBeInstanceOf(CommitOutcomeUnknown);
    expect(proxy.cuts()).toBe(1);
    await submit(app, place);
    while ((await numberActsForAllTenants(remote, lease)) > 0);
    const acts: { leaf: string; sequence: string | null; partner: number }[] = await app.database.query(
      `select tree_index as leaf, partner_sequence as sequence, partner_no as partner from act
     where tenant_no = ? order by tree_index`,
      [place.tenant.no],
    );
    expect(acts.map(({ leaf }) => Number(leaf))).toEqual(acts.map((_, index) => index));
    const own = acts.filter(({ partner }) => partner === place.partner.no).map(({ sequence }) => Number(sequence));
    expect(own).toEqual(own.map((_, index) => index + 1));
    expect((await fsck(app, { tenantId: place.tenant.id })).differences).toEqual([]);
  },
);

const STEPS = ["posting", "fencing", "calculating", "issuing"];

test.each(CUTS.flatMap(([cut]) => STEPS.map((step, passed) => [step, cut, passed] as const)))(
  "settling: %s, its COMMIT lost %s the server had it: the period is closed and has its statement, once",
  async (_step, cut, passed) => {
    const { remote, proxy } = await openRemote();
    app.clock.set("2026-03-01T12:00:00.000Z");
    const settled = await openPlace(app, "2026-03-01T00:00:00.000Z", { home: place.home, timezone: "UTC" });
    const through = new Date("2026-03-02T00:00:00.000Z");
    const run = () => settle(remote, settled.shell, { partnerId: settled.partner.id, through });
    const occurredAt = "2026-03-01T06:00:00.000Z";
    await report(app, settled, [{ kind: "BET", amount: "10.00", occurredAt }]);
    await submit(app, settled, { transactions: [{ ...bet(), occurredAt }] });
    app.clock.set("2026-03-03T00:00:00.000Z");
    proxy.cutNextCommit(cut, passed);
    const [first] = await Promise.allSettled([run()]);
    expect(proxy.cuts()).toBe(1);
    const again = await run();
    if (first.status === "fulfilled") expect(again).toEqual(first.value);
    expect(again).toHaveLength(1);
    const acts = await actsOf(app, settled, ActType.PERIOD_CLOSED, ActType.PERIOD_CALCULATED, ActType.STATEMENT_ISSUED);
    expect(acts.filter(({ after }) => after["partner"] !== 0).map(({ type }) => type)).toEqual([
      ...[ActType.PERIOD_CLOSED, ActType.PERIOD_CALCULATED, ActType.STATEMENT_ISSUED],
    ]);
    expect((await fsck(app, { tenantId: place.tenant.id })).differences).toEqual([]);
  },
);

test.each(CUTS)(
  "paying: COMMIT lost %s the server had it; paid: %s, once, and no reader is misled",
  async (cut, isPaid) => {
    const { remote, proxy } = await openRemote();
    const paid = await openPaid(app, "2026-03-01T15:00:00.000Z");
    await released(app, paid, "2026-03-02", "100.00");
    proxy.cutNextCommit(cut);
    const exporting = () => createPayoutFile(remote, paid.shell, EUROS, `file-${cut}`);
    const first = await exporting().catch((error: unknown) => error);
    if (isPaid) expect(first).toMatchObject({ transfers: 1 });
    else expect(first).toBeInstanceOf(CommitOutcomeUnknown);
    const { id: fileId } = await exporting();
    const payouts = await app.database.manager.findBy(Payout, { tenantId: paid.tenant.id });
    expect(payouts.map((payout) => payout.fileId)).toEqual([fileId]);

    const marking = () =>
      markPayoutPaid(remote, paid.shell, { payoutId: payouts[0]?.id ?? "", amount: null, note: null });
    proxy.cutNextCommit(cut);
    await expect(marking()).rejects.toBeInstanceOf(CommitOutcomeUnknown); // the shell has no key to look it up by
    expect(proxy.cuts()).toBe(2);
    if (isPaid) await expect.poll(() => stateOf(payouts[0])).toBe(PayoutState.PAID);
    const { "CLEARING EUR": cash = 0n, "PAYABLE EUR": payable = 0n } = await balances(app, paid);
    expect({ cash, payable }).toEqual(isPaid ? { cash: -10_000n, payable: 0n } : { cash: 0n, payable: -10_000n });
    if (isPaid) await expect(marking()).rejects.toMatchObject({ code: "VERSION_CONFLICT" });
    else expect(await marking()).toMatchObject({ state: PayoutState.PAID });
    expect((await fsck(app, { tenantId: paid.tenant.id })).differences).toEqual([]);
  },
);

async function stateOf(payout: Payout | undefined): Promise<PayoutState | undefined> {
  const row = await app.database.manager.findOneBy(Payout, { tenantId: payout?.tenantId ?? "", id: payout?.id ?? "" });
  return row?.state;
}

/** A process whose connections go through a proxy. */
async function openRemote(
  sqlLogger?: SqlFaults,
): Promise<{ remote: Awaited<ReturnType<typeof openTestApp>>; proxy: DatabaseProxy }> {
  const proxy = await startProxy(app.config.databaseUrl);
  const { redisPrefix } = app.config;
  const options = { clock: app.clock, config: { databaseUrl: proxy.url, redisPrefix } };
  const remote = await openTestApp(sqlLogger === undefined ? options : { ...options, sqlLogger });
  onTestFinished(async () => {
    await closeApp(remote);
    await proxy.close();
  });
  return { remote, proxy };
}
