import { beforeEach, describe, expect, test } from "vitest";
import { Act, ActType } from "../../src/acts/entities.js";
import { fsck } from "../../src/operations/fsck/service.js";
import { periodOfTenant } from "../../src/periods/service.js";
import { Statement } from "../../src/settlement/entities.js";
import { setOffsOf } from "../../src/settlement/netting/service.js";
import { payablesOf } from "../../src/settlement/payables/service.js";
import {
  createPayoutFile,
  messageOf,
  payoutFileOf,
  voidPayoutFile,
} from "../../src/settlement/payout-files/service.js";
import { schemaFaults } from "../../src/settlement/payout-messages/service.js";
import { Payout, PayoutState } from "../../src/settlement/payouts/entities.js";
import { markPayoutPaid, markPayoutRefused, markPayoutReturned } from "../../src/settlement/payouts/service.js";
import { testApp } from "../support/app.js";
import { seedTenant } from "../support/seeds.js";
import { booksOf, EUROS, earn, openAccount, openPaid, release, released } from "./payout-place.js";
import { type Place, periods, report } from "./place.js";

const app = await testApp();
const START = "2026-03-01T15:00:00.000Z";
const [DAY_1, DAY_2, DAY_3] = ["2026-03-02", "2026-03-03", "2026-03-04"];

let place: Place;
beforeEach(async () => {
  place = await openPaid(app, START);
});

async function exported(order = EUROS, by = place): Promise<Payout[]> {
  const { id } = await createPayoutFile(app, by.shell, order);
  return payoutsIn(by, id);
}

function payoutsIn({ tenant }: Place, fileId: string): Promise<Payout[]> {
  return app.database.manager.find(Payout, { where: { tenantId: tenant.id, fileId }, order: { place: "ASC" } });
}

async function statesOf(statementId: string, { tenant, shell } = place): Promise<unknown[]> {
  const statement = await app.database.manager.findOneByOrFail(Statement, { tenantId: tenant.id, id: statementId });
  const all = await periods(app, place);
  const period = all.find(({ no }) => no === statement.periodNo);
  return [statement.state, (await periodOfTenant(app, shell.tenantNo, period?.id ?? "")).state];
}

function mark(payout: Payout | undefined, amount: string | null = null) {
  return { payoutId: payout?.id ?? "", amount, note: null };
}

async function expectSound(by = place): Promise<void> {
  expect((await fsck(app, { tenantId: by.tenant.id })).differences).toEqual([]);
}

describe("a payout file", () => {
  test("pays what was released, once, and can be read again byte for byte", async () => {
    const [first, second] = [await released(app, place, DAY_1, "100.00"), await released(app, place, DAY_2, "23.45")];
    const file = await createPayoutFile(app, place.shell, EUROS);
    expect(file).toMatchObject({ transfers: 2, totalMinor: 12_345n });
    const payouts = await payoutsIn(place, file.id);
    expect(payouts.map(({ statementId, amountMinor, endToEndId }) => [statementId, amountMinor, endToEndId])).toEqual([
      [first, 10_000n, `${first.slice(4)}-1-1`],
      [second, 2_345n, `${second.slice(4)}-1-1`],
    ]);
    const message = await messageOf(app, await payoutFileOf(app, place.shell, file.id));
    expect(await schemaFaults(message)).toEqual([]);
    expect(message).toContain(`<MsgId>${file.id.slice(4)}</MsgId>`);
    expect(message).toContain("<CtrlSum>123.45</CtrlSum>");
    await expect(createPayoutFile(app, place.shell, EUROS)).rejects.toMatchObject({ code: "VALIDATION" });
    expect(await booksOf(app, place)).toMatchObject({ PAYABLE: -12_345n });
    await expectSound();
  });

  test("made by three at once claims the money once", async () => {
    await released(app, place, DAY_1, "100.00");
    const all = await Promise.allSettled([1, 2, 3].map(() => createPayoutFile(app, place.shell, EUROS)));
    expect(all.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    expect(await app.database.manager.countBy(Payout, { tenantId: place.tenant.id })).toBe(1);
  });

  test("has nothing of what was not released or is to be collected, and nothing for who has no account", async () => {
    const first = await earn(app, place, DAY_1, "100.00");
    await expect(exported()).rejects.toMatchObject({ code: "VALIDATION" });
    await release(app, place, first);
    await released(app, place, DAY_2, "-30.00");
    expect((await exported()).map(({ amountMinor }) => amountMinor)).toEqual([7_000n]);
    const other = await openPaid(app, START, { home: place.home, payees: [] });
    await released(app, other, DAY_1, "5.00");
    await expect(exported()).rejects.toMatchObject({ code: "VALIDATION" });
    const payables = (await payablesOf(app, place.shell, "EUR", {})).rows;
    expect(payables.map(({ partner: _, ...rest }) => rest)).toEqual([
      { currency: "EUR", owedMinor: 7_000n, exportedMinor: 7_000n, readyMinor: 0n, payeesWithoutAccount: [] },
      { currency: "EUR", owedMinor: 500n, exportedMinor: 0n, readyMinor: 0n, payeesWithoutAccount: [""] },
    ]);
    await openAccount(app, place.shell, { partnerId: other.partner.id });
    expect((await exported()).map(({ amountMinor }) => amountMinor)).toEqual([500n]);
  });

  test("pays in parts what is beyond a message's eighteen digits, and holds up nobody else's money", async () => {
    const digits = "9999999999999999.99";
    const id = await released(app, place, DAY_1, digits);
    const more = await released(app, place, DAY_2, digits);
    const other = await openPaid(app, START, { home: place.home });
    const small = await released(app, other, DAY_1, "5.00");
    const full = 10n ** 18n - 1n;
    const claimed = (payouts: Payout[]) => payouts.map(({ statementId, amountMinor }) => [statementId, amountMinor]);
    expect(claimed(await exported())).toEqual([[id, full]]);
    expect(claimed(await exported())).toEqual([[more, full]]);
    expect(claimed(await exported())).toEqual([[small, 500n]]);
    await expectSound();
  });

  test("pays a statement of more than that by one part after the other", async () => {
    app.clock.set(`${DAY_1}T00:40:00.000Z`);
    const half = { kind: "JACKPOT_CONTRIBUTION", amount: "7000000000000000.00", currency: "EUR" };
    await report(
      app,
      place,
      [half, half].map((item) => ({ ...item, occurredAt: `${DAY_1}T00:30:00.000Z` })),
    );
    const id = await released(app, place, DAY_1, "0.01");
    const parts = [...(await exported()), ...(await exported())];
    expect(parts.map(({ amountMinor, attempt }) => [amountMinor, attempt])).toEqual([
      [10n ** 18n - 1n, 1],
      [400_000_000_000_000_002n, 2],
    ]);
    for (const part of parts) await markPayoutPaid(app, place.shell, mark(part));
    expect(await statesOf(id)).toEqual(["PAID", "PAID"]);
    await expectSound();
  });

  test("shows what is to be collected and does not export it", async () => {
    await released(app, place, DAY_1, "-30.00");
    await expect(exported()).rejects.toMatchObject({ code: "VALIDATION" });
    const [payable] = (await payablesOf(app, place.shell, "EUR", {})).rows;
    expect(payable).toMatchObject({ owedMinor: -3_000n, exportedMinor: 0n, readyMinor: 0n });
  });

  test("asks for each transfer on the day it is due, or today, and leaves out what is due later", async () => {
    const late = await openPaid(app, START, { payout: { minimum: "0", dueAfterDays: 3 } });
    const [first, second] = [await released(app, late, DAY_1, "1.00"), await released(app, late, DAY_2, "2.00")];
    await expect(exported({ ...EUROS, dueThrough: "2026-03-05" }, late)).rejects.toMatchObject({ code: "VALIDATION" });
    const [one] = await exported({ ...EUROS, dueThrough: "2026-03-06" }, late);
    expect(one).toMatchObject({ statementId: first, executeOn: "2026-03-06" });
    app.clock.set("2026-04-01T15:30:00.000Z"); // 2 April in Seoul
    const [two] = await exported(EUROS, late);
    expect(two).toMatchObject({ statementId: second, executeOn: "2026-04-02" });
  });

  test.each(["2026-02-30", "tomorrow"])("refuses the date %s", async (dueThrough) => {
    const making = createPayoutFile(app, place.shell, { ...EUROS, dueThrough });
    await expect(making).rejects.toMatchObject({ code: "VALIDATION", details: { path: "/dueThrough" } });
  });

  test("splits a statement between its receivers by largest remainder (domain 9)", async () => {
    const splits = [["a", "0.5"] as const, ["b", "0.3"] as const, ["c", "0.2"] as const];
    const payout = { minimum: "0", splits: splits.map(([to, weight]) => ({ to, weight })) };
    const split = await openPaid(app, START, { payout, payees: ["a", "b", "c"] });
    const id = await released(app, split, DAY_1, "100.01");
    const payouts = await exported(EUROS, split);
    expect(payouts.map(({ payee, amountMinor, endToEndId }) => [payee, amountMinor, endToEndId])).toEqual([
      ["a", 5_001n, `${id.slice(4)}-1-1`],
      ["b", 3_000n, `${id.slice(4)}-2-1`],
      ["c", 2_000n, `${id.slice(4)}-3-1`],
    ]);
    for (const payout of payouts) await markPayoutPaid(app, split.shell, mark(payout));
    expect(await booksOf(app, split)).toMatchObject({ PAYABLE: 0n });
    await expectSound(split);
  });

  test("that the bank refused is voided, and its money goes into the next one under another id", async () => {
    const id = await released(app, place, DAY_1, "100.00");
    const file = await createPayoutFile(app, place.shell, EUROS);
    await voidPayoutFile(app, place.shell, { payoutFileId: file.id, reason: "RJCT" });
    expect((await payoutsIn(place, file.id)).map(({ state }) => state)).toEqual([PayoutState.VOIDED]);
    const again = voidPayoutFile(app, place.shell, { payoutFileId: file.id, reason: "RJCT" });
    await expect(again).rejects.toMatchObject({ code: "VERSION_CONFLICT" });
    const [payout] = await exported();
    expect(payout).toMatchObject({ attempt: 2, endToEndId: `${id.slice(4)}-1-2`, amountMinor: 10_000n });
    expect(await booksOf(app, place)).toMatchObject({ PAYABLE: -10_000n });
    const acts = await app.database.manager.find(Act, { where: { tenantNo: place.tenant.no, subjectId: file.id } });
    expect(acts.map(({ type }) => type)).toEqual([ActType.PAYOUT_FILE_MADE, ActType.PAYOUT_FILE_VOIDED]);
    await expectSound();
  });

  test("of which a payout was marked cannot be voided", async () => {
    await released(app, place, DAY_1, "100.00");
    const [payout] = await exported();
    await markPayoutPaid(app, place.shell, mark(payout));
    const voiding = voidPayoutFile(app, place.shell, { payoutFileId: payout?.fileId ?? "", reason: "late" });
    await expect(voiding).rejects.toMatchObject({ code: "VERSION_CONFLICT" });
  });

  test("keeps account numbers sealed", async () => {
    await released(app, place, DAY_1, "100.00");
    const { contentSealed } = await createPayoutFile(app, place.shell, EUROS);
    expect(contentSealed.includes("DE89370400440532013000")).toBe(false);
  });
});

describe("marking", () => {
  test("paid moves PAYABLE to cash and never the position, and the statement and its period are PAID", async () => {
    const id = await released(app, place, DAY_1, "100.00");
    expect(await statesOf(id)).toEqual(["PAYABLE", "PAYABLE"]);
    const before = await booksOf(app, place);
    const [payout] = await exported();
    expect(await markPayoutPaid(app, place.shell, mark(payout))).toMatchObject({ state: "PAID", paidMinor: 10_000n });
    expect(await statesOf(id)).toEqual(["PAID", "PAID"]);
    expect(await booksOf(app, place)).toEqual({
      ...before,
      ...{ PAYABLE: 0n, CLEARING: (before["CLEARING"] ?? 0n) - 10_000n },
    });
    await expect(markPayoutPaid(app, place.shell, mark(payout))).rejects.toMatchObject({ code: "VERSION_CONFLICT" });
    await expectSound();
  });

  test("returned after paid moves both back, and the money is payable again", async () => {
    const id = await released(app, place, DAY_1, "100.00");
    const before = await booksOf(app, place);
    const [payout] = await exported();
    await markPayoutPaid(app, place.shell, mark(payout));
    const returned = await markPayoutReturned(app, place.shell, mark(payout));
    expect(returned).toMatchObject({ state: "RETURNED", paidMinor: 10_000n, returnedMinor: 10_000n });
    expect(await booksOf(app, place)).toEqual(before);
    expect(await statesOf(id)).toEqual(["PAYABLE", "PAYABLE"]);
    const [again] = await exported();
    expect(again).toMatchObject({ amountMinor: 10_000n, attempt: 2 });
    await markPayoutPaid(app, place.shell, mark(again));
    expect(await statesOf(id)).toEqual(["PAID", "PAID"]);
    await expect(markPayoutReturned(app, place.shell, mark(payout))).rejects.toMatchObject({
      code: "VERSION_CONFLICT",
    });
    await expectSound();
  });

  test("a part of an amount leaves the rest payable", async () => {
    const id = await released(app, place, DAY_1, "100.00");
    const [payout] = await exported();
    expect(await markPayoutPaid(app, place.shell, mark(payout, "60.00"))).toMatchObject({ state: "PARTLY_PAID" });
    expect(await booksOf(app, place)).toMatchObject({ PAYABLE: -4_000n });
    expect(await statesOf(id)).toEqual(["PAYABLE", "PAYABLE"]);
    await markPayoutReturned(app, place.shell, mark(payout, "10.00"));
    const [rest] = await exported();
    expect(rest).toMatchObject({ amountMinor: 5_000n });
    await markPayoutPaid(app, place.shell, mark(rest));
    expect(await statesOf(id)).toEqual(["PAID", "PAID"]);
    await expectSound();
  });

  test("refused moves nothing, and the money may be exported again", async () => {
    const id = await released(app, place, DAY_1, "100.00");
    const [payout] = await exported();
    const refused = await markPayoutRefused(app, place.shell, { payoutId: payout?.id ?? "", note: "AC04" });
    expect(refused.state).toBe(PayoutState.REFUSED);
    expect(await statesOf(id)).toEqual(["PAYABLE", "PAYABLE"]);
    expect((await exported()).map(({ amountMinor }) => amountMinor)).toEqual([10_000n]);
    await expectSound();
  });

  test.each(["100.01", "0.00", "-1.00", "1.001", "x"])("refuses %s of 100.00", async (amount) => {
    await released(app, place, DAY_1, "100.00");
    const [payout] = await exported();
    const marking = markPayoutPaid(app, place.shell, mark(payout, amount));
    await expect(marking).rejects.toMatchObject({ code: "VALIDATION", details: { path: "/amount" } });
    expect(await booksOf(app, place)).toMatchObject({ PAYABLE: -10_000n });
  });

  test("by two at once happens once, and is one act with the step of the statement", async () => {
    const id = await released(app, place, DAY_1, "100.00");
    const [payout] = await exported();
    const both = await Promise.allSettled([1, 2].map(() => markPayoutPaid(app, place.shell, mark(payout))));
    expect(both.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
    const acts = await app.database.manager.find(Act, {
      where: { tenantNo: place.tenant.no, subjectId: payout?.id ?? "" },
    });
    expect(acts.map(({ type }) => type)).toEqual([ActType.PAYOUT_PAID]);
    expect(JSON.parse(acts[0]?.detail ?? "")).toMatchObject({
      before: { state: "PAYABLE" },
      after: { state: "PAID", statementId: id, amount: "100.00", payoutAfter: { state: "PAID", paid: "100.00" } },
    });
  });
});

describe("set-offs", () => {
  async function linked(): Promise<readonly [Place, Place]> {
    const home = await seedTenant(app);
    await openAccount(app, home.actor, { partnerId: null });
    const netting = (code: string) => ({ home, netting: { with: [code] } });
    const left = await openPaid(app, START, { code: "left", ...netting("right") });
    return [left, await openPaid(app, START, { code: "right", ...netting("left") })];
  }

  test("lower what is paid, and what they meet in full is PAID without a payment", async () => {
    const [left, right] = await linked();
    const first = await released(app, left, DAY_1, "20.00");
    await released(app, left, DAY_2, "100.00");
    const debt = await earn(app, right, DAY_1, "-50.00");
    await release(app, right, debt);
    expect((await setOffsOf(app, left.partner, {})).rows).toMatchObject([{ amountMinor: 5_000n }]);
    expect((await exported(EUROS, left)).map(({ amountMinor }) => amountMinor)).toEqual([7_000n]);
    place = left;
    expect(await statesOf(first)).toEqual(["PAID", "PAID"]);
    await expectSound(left);
  });

  test("take nothing that is on its way to the bank", async () => {
    const [left, right] = await linked();
    await released(app, left, DAY_1, "20.00");
    const [payout] = await exported(EUROS, left);
    await released(app, right, DAY_1, "-50.00");
    expect((await setOffsOf(app, left.partner, {})).rows).toEqual([]);
    await markPayoutPaid(app, left.shell, mark(payout));
    expect(await booksOf(app, left)).toMatchObject({ PAYABLE: 0n });
    expect(await booksOf(app, right)).toMatchObject({ PAYABLE: 5_000n });
  });
});

test("a statement that comes while money is on its way lowers only what is exported next", async () => {
  await released(app, place, DAY_1, "100.00");
  const [payout] = await exported();
  await released(app, place, DAY_2, "-40.00");
  await markPayoutPaid(app, place.shell, mark(payout));
  expect(await booksOf(app, place)).toMatchObject({ PAYABLE: 4_000n });
  const third = await released(app, place, DAY_3, "100.00");
  const [rest] = await exported();
  expect(rest).toMatchObject({ statementId: third, amountMinor: 6_000n });
  await markPayoutPaid(app, place.shell, mark(rest));
  expect(await booksOf(app, place)).toMatchObject({ PAYABLE: 0n });
  expect(await statesOf(third)).toEqual(["PAID", "PAID"]);
  await expectSound();
});
