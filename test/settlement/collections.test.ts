import { beforeEach, describe, expect, test } from "vitest";
import { Act, ActType } from "../../src/acts/entities.js";
import { cursorOf, type Page } from "../../src/kernel/page.js";
import { fsck } from "../../src/operations/fsck/service.js";
import { Collection } from "../../src/settlement/collections/entities.js";
import {
  approveCollection,
  collectionOf,
  markCollectionReturned,
  type NewCollection,
  recordCollection,
  refuseCollection,
} from "../../src/settlement/collections/service.js";
import { setOffDebts } from "../../src/settlement/netting/service.js";
import { createPayoutFile } from "../../src/settlement/payout-files/service.js";
import { type OpenDebt, openDebtsOf, receivablesOf } from "../../src/settlement/receivables/service.js";
import { statementOf } from "../../src/settlement/statements/service.js";
import { testApp } from "../support/app.js";
import { type SeededClient, seedClient } from "../support/seeds.js";
import { booksOf, EUROS, earn, openPaid, release, released } from "./payout-place.js";
import type { Place } from "./place.js";

const app = await testApp();
const START = "2026-03-01T15:00:00.000Z";
const [DAY_1, DAY_2, DAY_3] = ["2026-03-02", "2026-03-03", "2026-03-04"];

let place: Place;
beforeEach(async () => {
  place = await openPaid(app, START);
});

let references = 0;

function payment(amount: string, changes: Partial<NewCollection> = {}): NewCollection {
  references += 1;
  const bankReference = `camt.053/${references}`;
  return { partnerId: place.partner.id, currency: "EUR", amount, bankReference, valueOn: DAY_3, ...changes };
}

/** Records and approves at the shell. */
async function collected(amount: string): Promise<string> {
  const { id } = await recordCollection(app, place.shell, payment(amount));
  await approveCollection(app, place.shell, id);
  return id;
}

async function statesOf(...ids: string[]): Promise<string[]> {
  return Promise.all(ids.map(async (id) => (await statementOf(app, place.shell, id)).state));
}

/** What is due in all, and of each statement, in cents. */
async function due(): Promise<readonly [bigint, Record<string, bigint>] | null> {
  const [row] = (await receivablesOf(app, place.shell, { partner: place.partner, currency: "EUR" }, {})).rows;
  if (row === undefined) return null;
  return [row.dueMinor, Object.fromEntries(row.open.map(({ statementId, leftMinor }) => [statementId, leftMinor]))];
}

async function actsOf(subjectId: string): Promise<string[]> {
  const acts = await app.database.manager.find(Act, {
    where: { tenantNo: place.tenant.no, subjectId },
    order: { no: "ASC" },
  });
  return acts.map(({ type }) => type);
}

async function expectSound(): Promise<void> {
  expect((await fsck(app, { tenantId: place.tenant.id })).differences).toEqual([]);
}

test("debts are paged, however many there are, and what is met meanwhile moves no page", () => {
  const open = Array.from({ length: 250 }, (_, index): OpenDebt => {
    const endsAt = new Date(Date.UTC(2026, 2, 1 + (index >> 1))); // two of each instant
    return { statementId: `stm_${String(index).padStart(26, "0")}`, endsAt, leftMinor: 1n, paymentDueOn: null };
  });
  const seen: OpenDebt[] = [];
  let after: string | null = null;
  for (let pages = 0; pages === 0 || after !== null; pages += 1) {
    const left: OpenDebt[] = open.slice(pages); // the oldest are met one by one
    const { rows, hasNextPage, positionOf }: Page<OpenDebt> = openDebtsOf({ open: left }, { first: 60, after });
    seen.push(...rows);
    const last = rows.at(-1);
    after = hasNextPage && last !== undefined ? cursorOf("open-debts", positionOf(last)) : null;
  }
  expect(seen).toEqual(open);
});

describe("money collected from a partner", () => {
  test("counts once a second person approves it: cash and PAYABLE move, the position does not", async () => {
    const debt = await released(app, place, DAY_1, "-30.00");
    const before = await booksOf(app, place);
    expect(before).toMatchObject({ PAYABLE: 3_000n, POSITION: 0n });
    const [one, two] = [await seedClient(app, place.shell, null), await seedClient(app, place.shell, null)];
    const { id, state } = await recordCollection(app, one.actor, payment("30.00"));
    expect([state, await booksOf(app, place), await due()]).toEqual([
      "PENDING_APPROVAL",
      before,
      [3_000n, { [debt]: 3_000n }],
    ]);
    await expect(approveCollection(app, one.actor, id)).rejects.toMatchObject({ code: "FORBIDDEN" });
    expect((await approveCollection(app, two.actor, id)).state).toBe("COLLECTED");
    const clearing = (before["CLEARING"] ?? 0n) + 3_000n;
    expect(await booksOf(app, place)).toEqual({ PAYABLE: 0n, CLEARING: clearing, POSITION: 0n });
    expect([await statesOf(debt), await due()]).toEqual([["PAID"], null]);
    expect(await actsOf(id)).toEqual([ActType.COLLECTION_RECORDED, ActType.COLLECTION_APPROVED]);
    expect((await actsOf(debt)).at(-1)).toBe(ActType.STATEMENT_PAID);
    await expect(approveCollection(app, two.actor, id)).rejects.toMatchObject({ code: "VERSION_CONFLICT" });
    await expectSound();
  });

  test("in part meets the oldest debt first, and leaves the rest to be collected", async () => {
    const debts = [await released(app, place, DAY_1, "-30.00"), await released(app, place, DAY_2, "-50.00")];
    const [first = "", second = ""] = debts;
    await collected("40.00");
    expect(await statesOf(first, second)).toEqual(["PAID", "PAYABLE"]);
    expect(await due()).toEqual([4_000n, { [second]: 4_000n }]);
    await collected("40.00");
    expect(await statesOf(first, second)).toEqual(["PAID", "PAID"]);
    await expectSound();
  });

  test("and more than is owed stays to the partner's credit, meets its next debt, or is refunded", async () => {
    const first = await released(app, place, DAY_1, "-30.00");
    const id = await collected("50.00");
    expect([await booksOf(app, place), await statesOf(first)]).toMatchObject([{ PAYABLE: -2_000n }, ["PAID"]]);
    await expect(createPayoutFile(app, place.shell, EUROS)).rejects.toMatchObject({ code: "VALIDATION" });
    const second = await released(app, place, DAY_2, "-12.00");
    expect([await statesOf(second), await due()]).toEqual([["PAID"], null]);
    await markCollectionReturned(app, place.shell, { collectionId: id, amount: "8.00", reason: "refunded" });
    expect(await booksOf(app, place)).toMatchObject({ PAYABLE: 0n });
    expect(await statesOf(first, second)).toEqual(["PAID", "PAID"]);
    const third = await released(app, place, DAY_3, "20.00");
    expect((await createPayoutFile(app, place.shell, EUROS)).totalMinor).toBe(2_000n);
    expect(await statesOf(third)).toEqual(["PAYABLE"]);
    await expectSound();
  });

  test("and more than is owed meets no debt of a linked partner, and goes out in no file", async () => {
    place = await openPaid(app, START, { code: "studio", netting: { with: ["resale"] } });
    const resale = await openPaid(app, START, { home: place.home, code: "resale", netting: { with: ["studio"] } });
    await released(app, place, DAY_1, "-30.00");
    await collected("100.00");
    await released(app, resale, DAY_1, "-150.00");
    const met = await released(app, place, DAY_2, "100.00");
    expect(await booksOf(app, resale)).toMatchObject({ PAYABLE: 5_000n });
    await setOffDebts(app, place.shell, place.partner);
    await setOffDebts(app, resale.shell, resale.partner);
    expect([await booksOf(app, place), await booksOf(app, resale)]).toMatchObject([
      { PAYABLE: -7_000n },
      { PAYABLE: 5_000n },
    ]);
    expect(await statesOf(met)).toEqual(["PAID"]);
    await expect(createPayoutFile(app, place.shell, EUROS)).rejects.toMatchObject({ code: "VALIDATION" });
    const partly = await released(app, place, DAY_3, "80.00"); // 50 of it meet the rest
    expect([await booksOf(app, resale), await statesOf(partly)]).toMatchObject([{ PAYABLE: 0n }, ["PAYABLE"]]);
    expect((await createPayoutFile(app, place.shell, EUROS)).totalMinor).toBe(3_000n);
    await expectSound();
  });

  test("that the bank took back is owed again, the newest debt first, and can be collected again", async () => {
    const debts = [await released(app, place, DAY_1, "-30.00"), await released(app, place, DAY_2, "-50.00")];
    const [first = "", second = ""] = debts;
    const id = await collected("80.00");
    const part = { collectionId: id, amount: "20.00", reason: "AC04" };
    expect(await markCollectionReturned(app, place.shell, part)).toMatchObject({
      ...{ state: "RETURNED", amountMinor: 8_000n, returnedMinor: 2_000n },
    });
    expect([await statesOf(first, second), await due()]).toEqual([
      ["PAID", "PAYABLE"],
      [2_000n, { [second]: 2_000n }],
    ]);
    await markCollectionReturned(app, place.shell, { ...part, amount: null });
    expect([await statesOf(first, second), await due()]).toEqual([
      ["PAYABLE", "PAYABLE"],
      [8_000n, { [first]: 3_000n, [second]: 5_000n }],
    ]);
    expect((await actsOf(first)).slice(-2)).toEqual([ActType.STATEMENT_PAID, ActType.STATEMENT_PAYABLE_AGAIN]);
    const more = markCollectionReturned(app, place.shell, part);
    await expect(more).rejects.toMatchObject({ code: "VERSION_CONFLICT" });
    await collected("80.00");
    expect(await statesOf(first, second)).toEqual(["PAID", "PAID"]);
    await expectSound();
  });

  test("a record that is wrong is refused, and its reference may be recorded again", async () => {
    await released(app, place, DAY_1, "-30.00");
    const wrong = payment("30.00");
    const { id } = await recordCollection(app, place.shell, wrong);
    const again = recordCollection(app, place.shell, wrong);
    await expect(again).rejects.toMatchObject({ code: "VALIDATION", details: { path: "/bankReference" } });
    const refused = await refuseCollection(app, place.shell, { collectionId: id, reason: "Another partner's." });
    expect(refused.state).toBe("REFUSED");
    await expect(approveCollection(app, place.shell, id)).rejects.toMatchObject({ code: "VERSION_CONFLICT" });
    const back = markCollectionReturned(app, place.shell, { collectionId: id, amount: null, reason: "x" });
    await expect(back).rejects.toMatchObject({ code: "VERSION_CONFLICT" });
    expect(await due()).toMatchObject([3_000n, {}]);
    await recordCollection(app, place.shell, wrong);
    await expectSound();
  });

  test.each([
    [{ amount: "0.00" }, "VALIDATION"],
    [{ amount: "-1.00" }, "VALIDATION"],
    [{ amount: "1.001" }, "VALIDATION"],
    [{ valueOn: "2026-02-30" }, "VALIDATION"],
    [{ valueOn: "2026-04-01" }, "VALIDATION"],
    [{ currency: "USD" }, "CURRENCY_UNKNOWN"],
    [{ partnerId: "ptn_01kb0000000000000000000000" }, "NOT_FOUND"],
  ])("is refused as %o", async (changes, code) => {
    await expect(recordCollection(app, place.shell, payment("1.00", changes))).rejects.toMatchObject({ code });
    expect(await app.database.manager.countBy(Collection, { tenantId: place.tenant.id })).toBe(0);
  });

  test("approved by two at once counts once", async () => {
    await released(app, place, DAY_1, "-30.00");
    const { id } = await recordCollection(app, place.shell, payment("30.00"));
    const both = await Promise.allSettled([1, 2].map(() => approveCollection(app, place.shell, id)));
    expect(both.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
    expect(await booksOf(app, place)).toMatchObject({ PAYABLE: 0n });
  });

  test("meets no debt that is not released yet, until it is", async () => {
    const debt = await earn(app, place, DAY_1, "-30.00");
    expect(await due()).toBeNull();
    await collected("30.00");
    expect(await statesOf(debt)).toEqual(["STATEMENT_ISSUED"]);
    await release(app, place, debt);
    expect(await statesOf(debt)).toEqual(["PAID"]);
    await expectSound();
  });

  test("is not seen by another partner, and fsck names a row that the books do not have", async () => {
    await released(app, place, DAY_1, "-30.00");
    const id = await collected("30.00");
    const sibling: SeededClient = await openPaid(app, START, { home: place.home, payees: [] });
    await expect(collectionOf(app, sibling.actor, id)).rejects.toMatchObject({ code: "NOT_FOUND" });
    expect((await collectionOf(app, place.actor, id)).amountMinor).toBe(3_000n);
    await app.database.query("update collection set amount_minor = 3001 where id = ?", [id]);
    const { differences } = await fsck(app, { tenantId: place.tenant.id });
    expect(differences).toMatchObject([{ check: "PAYOUTS" }]);
  });
});
