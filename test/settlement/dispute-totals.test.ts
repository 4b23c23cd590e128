import fc from "fast-check";
import { expect, test } from "vitest";
import { present } from "../../src/kernel/assert.js";
import { sha256Hex } from "../../src/kernel/digest.js";
import { decimalText } from "../../src/kernel/money.js";
import { AccountName } from "../../src/ledger/entities.js";
import { balanceOf } from "../../src/ledger/service.js";
import { fsck } from "../../src/operations/fsck/service.js";
import { answerDispute, approveDisputeAnswer } from "../../src/settlement/answers/service.js";
import { DisputeOutcome } from "../../src/settlement/disputes/entities.js";
import { disputeReplied, disputeStatement } from "../../src/settlement/disputes/service.js";
import type { Statement } from "../../src/settlement/entities.js";
import { recomputeStatement } from "../../src/settlement/recompute.js";
import type { StatementDocument } from "../../src/settlement/statement-schema.js";
import { documentOf } from "../../src/settlement/statements/service.js";
import { testApp } from "../support/app.js";
import { ruled, table } from "../support/rules.js";
import { type Place, type Reported, report } from "./place.js";
import { DAY_1, DAY_2, DAY_3, DAY_4, settled, settleThrough, signReply, statements } from "./replying.js";

const app = await testApp();

const GGR = { measure: "GGR", freeRoundStake: "ZERO", jackpotWins: "EXCLUDED" };
const OVERRIDES = [
  { for: { brand: "main" }, share: { kind: "FLAT", rate: "0.3" } },
  { for: { product: "crash" }, share: { kind: "FLAT", rate: "0.2" } },
];
const FENCED = { policy: "NONE", ringFence: { playerAtMost: "-50", aggregateAtMost: "-10" } };
const BASIC = ruled(table({ inputs: ["product"], outputs: ["rate"], rows: [['"dice"', '"0.25"'], []] }), ["PRODUCT"]);
const { rules, ...PLAIN } = BASIC;
/** Terms whose totals are told apart by brand and product; by player and place; by day; by a rule's parts. */
const CONTRACTS = [
  { ...PLAIN, base: GGR, overrides: OVERRIDES },
  { ...PLAIN, base: GGR, overrides: OVERRIDES, carryOver: FENCED },
  { ...PLAIN, base: GGR, overrides: OVERRIDES, fx: { to: "USD", type: "TRANSACTION", source: "ECB" } },
  { ...PLAIN, rules, base: GGR, carryOver: FENCED },
];

const anyItem = fc.record({
  kind: fc.constantFrom("BET", "BET", "WIN", "BONUS"),
  brand: fc.constantFrom("main", "other"),
  product: fc.constantFrom("crash", "dice", "reels"),
  player: fc.constantFrom("p1", "p2"),
  cents: fc.integer({ min: 1, max: 100_000 }),
});
const anyDay = fc.array(anyItem, { minLength: 1, maxLength: 6 });
const anyDispute = fc.record({
  minor: fc.integer({ min: -50_000, max: 50_000 }).filter((minor) => minor !== 0),
  isAccepted: fc.boolean(),
  isAtOnce: fc.boolean(),
  linesCount: fc.integer({ min: 1, max: 3 }),
});
type Item = typeof anyItem extends fc.Arbitrary<infer T> ? T : never;
type Disputed = (typeof anyDispute extends fc.Arbitrary<infer T> ? T : never) & { readonly id: string };

function text(minor: bigint | number): string {
  return decimalText(BigInt(minor), 2);
}

function reported(items: readonly Item[], occurredAt: string): Reported[] {
  return items.map(({ cents, ...item }) => ({ ...item, amount: text(cents), occurredAt }));
}

async function dispute(place: Place, statement: Statement, { linesCount }: Omit<Disputed, "id">): Promise<string> {
  const lines = Array.from({ length: linesCount }, (_, line) => ({ line }));
  const jws = await signReply(app, place, statement, "dispute", { reason: "Rounds are missing.", lines });
  return (await disputeReplied(app, place.actor, await disputeStatement(app, place.actor, jws))).id;
}

/** Answers a dispute; where it moves money, the second person says the same. */
async function answer(place: Place, { id: disputeId, minor, isAccepted }: Disputed): Promise<void> {
  const outcome = isAccepted ? DisputeOutcome.ACCEPTED : DisputeOutcome.REJECTED;
  const amount = isAccepted ? text(minor) : null;
  await answerDispute(app, place.shell, { disputeId, outcome, amount, reason: "Looked at." });
  if (amount !== null) await approveDisputeAnswer(app, place.shell, { disputeId, amount });
}

/** What a statement says of activity, by brand, product and kind; disputes' adjustments apart. */
function sums({ totals }: StatementDocument): Record<string, bigint> {
  const found: Record<string, bigint> = {};
  for (const { brand = "", product = "", kind, sum } of totals) {
    const key = `${brand} ${product} ${kind}`;
    found[key] = (found[key] ?? 0n) + BigInt(sum.replace(".", ""));
  }
  return found;
}

function sumsOf(items: readonly Item[], adjustedMinor: readonly number[]): Record<string, bigint> {
  const posted = items.map(({ brand, product, kind, cents }) => [`${brand} ${product} ${kind}`, cents] as const);
  const adjusted = adjustedMinor.map((minor) => ["  ADJUSTMENT", minor] as const);
  const found: Record<string, bigint> = {};
  for (const [key, minor] of [...posted, ...adjusted]) found[key] = (found[key] ?? 0n) + BigInt(minor);
  return found;
}

/** Each accepted dispute stands once, on the statement of the period that took it, and names what it puts right. */
function expectCorrections(document: StatementDocument, origin: Statement, mine: readonly Disputed[]): void {
  const byId = (left: { dispute: string }, right: { dispute: string }) => (left.dispute < right.dispute ? -1 : 1);
  const expected = mine.map(({ id, minor, linesCount }) => ({
    ...{ dispute: id, currency: "USD", amount: text(minor), reason: "Looked at." },
    statement: { id: origin.id, sha256: sha256Hex(origin.jws) },
    lines: Array.from({ length: linesCount }, (_, line) => line),
  }));
  const stated = (document.corrections ?? []).map(({ disputeSha256: _, ...correction }) => correction);
  expect(stated.sort(byId)).toEqual(expected.sort(byId));
  const lines = document.lines.filter(({ code }) => code === "ADJUSTMENTS");
  const amounts = Object.fromEntries(lines.map(({ scope, amount }) => [scope, amount]));
  expect(amounts).toEqual(Object.fromEntries(mine.map(({ id, minor }) => [`dispute=${id}`, text(minor)])));
  expect(document.adjustments).toBe(text(mine.reduce((sum, { minor }) => sum + minor, 0)));
}

test("adjustments of disputes stand once, name their origin, and leave the finer totals as they were", async () => {
  const runs = { numRuns: 8 };
  const days = fc.tuple(anyDay, anyDay, anyDay);
  const disputes = fc.array(anyDispute, { minLength: 1, maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...CONTRACTS), days, disputes, async (document, [one, two, three], disputed) => {
      const place = await settled(app, 0, { document: JSON.parse(JSON.stringify(document)) }, reported(one, DAY_1));
      const origin = present((await statements(app, place))[0], "a first statement");
      const taken: Disputed[] = [];
      for (const each of disputed) taken.push({ ...each, id: await dispute(place, origin, each) });
      for (const each of taken.filter(({ isAtOnce }) => isAtOnce)) await answer(place, each);
      await report(app, place, reported(two, DAY_2));
      await settleThrough(app, place, DAY_3);
      for (const each of taken.filter(({ isAtOnce }) => !isAtOnce)) await answer(place, each);
      await report(app, place, reported(three, DAY_3));
      await settleThrough(app, place, DAY_4);

      const documents = (await statements(app, place)).map(documentOf);
      expect(documents.flatMap(recomputeStatement)).toEqual([]);
      const accepted = taken.filter(({ isAccepted }) => isAccepted);
      const bySettled = [[], accepted.filter(({ isAtOnce }) => isAtOnce), accepted.filter(({ isAtOnce }) => !isAtOnce)];
      for (const [index, items] of [one, two, three].entries()) {
        const [statement, mine] = [present(documents[index], "a statement"), bySettled[index] ?? []];
        expectCorrections(statement, origin, mine);
        const adjusted = mine.map(({ minor }) => minor);
        expect(sums(statement)).toEqual(sumsOf(items, adjusted));
      }
      expect((await statements(app, place))[0]?.jws).toBe(origin.jws);
      const balance = (account: AccountName) => balanceOf(app.database.manager, place.partner, account, "USD");
      const minor = accepted.reduce((sum, each) => sum + BigInt(each.minor), 0n);
      expect([await balance(AccountName.ADJUSTMENT_COST), await balance(AccountName.ADJUSTMENT_DUE)]).toEqual([
        minor,
        0n,
      ]);
      expect((await fsck(app, { tenantId: place.tenant.id })).differences).toEqual([]);
    }),
    runs,
  );
});
