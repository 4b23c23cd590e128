import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { AccountName } from "../../src/ledger/entities.js";
import { isBalanced, type Line, postingOf, sumLines } from "../../src/ledger/rules.js";
import { linesOf } from "../../src/ledger/service.js";
import { TransactionKind } from "../../src/periods/entities.js";

const anyMove = fc.record({
  kind: fc.constantFrom(...Object.values(TransactionKind)),
  category: fc.constantFrom(null, "PAYMENT", "PLATFORM", "PROVIDER", "TAX", "OTHER"),
  currency: fc.constantFrom("USD", "BTC"),
  amountMinor: fc.bigInt(-(10n ** 18n), 10n ** 18n),
});
const anyLine: fc.Arbitrary<Line> = fc.record({
  account: fc.constantFrom(AccountName.CLEARING, AccountName.STAKES, AccountName.WINNINGS),
  currency: fc.constantFrom("USD", "BTC"),
  amountMinor: fc.bigInt(-100n, 100n),
});

/** The table of postings, by kind; a fee's by category. */
const POSTINGS: readonly (readonly [kind: string, category: string | null, debit: string, credit: string])[] = [
  ["BET", null, "CLEARING", "STAKES"],
  ["BONUS_BET", null, "BONUS_COST", "BONUS_STAKES"],
  ["WIN", null, "WINNINGS", "CLEARING"],
  ["BONUS_WIN", null, "BONUS_WINNINGS", "CLEARING"],
  ["BONUS", null, "BONUS_COST", "CLEARING"],
  ["JACKPOT_CONTRIBUTION", null, "JACKPOT_COST", "JACKPOT_POOL"],
  ["JACKPOT_WIN", null, "JACKPOT_POOL", "CLEARING"],
  ["CHARGEBACK", null, "CHARGEBACK_COST", "CLEARING"],
  ["ADJUSTMENT", null, "ADJUSTMENT_COST", "ADJUSTMENT_DUE"],
  ["FEE", "PLATFORM", "FEE_COST", "FEE_DUE"],
  ["FEE", "PROVIDER", "FEE_COST", "FEE_DUE"],
  ["FEE", "PAYMENT", "FEE_COST", "CLEARING"],
  ["FEE", "TAX", "FEE_COST", "CLEARING"],
  ["FEE", "OTHER", "FEE_COST", "CLEARING"],
  ["FEE", null, "FEE_COST", "CLEARING"],
];

describe("what a kind of transaction moves", () => {
  test.each(POSTINGS)("%s of category %o: debit %s, credit %s", (name, category, debit, credit) => {
    const kind = TransactionKind[name as keyof typeof TransactionKind];
    expect(postingOf(kind, category)).toEqual({ debit, credit });
    expect(linesOf([{ kind, category, currency: "USD", amountMinor: 5n }])).toEqual(
      [
        { account: debit, currency: "USD", amountMinor: 5n },
        { account: credit, currency: "USD", amountMinor: -5n },
      ].toSorted((left, right) => (left.account < right.account ? -1 : 1)),
    );
  });

  test("is nothing for an acquisition, and a rollback has no posting of its own", () => {
    for (const kind of [TransactionKind.ACQUISITION, TransactionKind.ROLLBACK])
      expect(postingOf(kind, null)).toBeNull();
  });

  test("sums to zero in each currency, whatever is moved, and either way", () => {
    fc.assert(fc.property(fc.array(anyMove), (moves) => isBalanced(linesOf(moves))));
  });

  test("moved and moved back is nothing", () => {
    fc.assert(
      fc.property(fc.array(anyMove), (moves) => {
        const back = moves.map((move) => ({ ...move, amountMinor: -move.amountMinor }));
        expect(linesOf([...moves, ...back])).toEqual([]);
      }),
    );
  });
});

describe("lines of an entry", () => {
  test("are added up per account and currency, in key order, none of them zero", () => {
    fc.assert(
      fc.property(fc.array(anyLine), (lines) => {
        const sums = sumLines(lines);
        const keys = sums.map(({ account, currency }) => `${account} ${currency}`);
        expect(keys).toEqual([...new Set(keys)].toSorted());
        expect(sums.some((line) => line.amountMinor === 0n)).toBe(false);
        for (const line of lines) {
          const isSame = (other: Line) => other.account === line.account && other.currency === line.currency;
          const total = lines.filter(isSame).reduce((sum, other) => sum + other.amountMinor, 0n);
          expect(sums.find(isSame)?.amountMinor ?? 0n).toBe(total);
        }
      }),
    );
  });

  test("balance per currency: two that make up for each other do not", () => {
    const line = (currency: string, amountMinor: bigint) => ({ account: AccountName.CLEARING, currency, amountMinor });
    expect(isBalanced([])).toBe(true);
    expect(isBalanced([line("USD", 1n), line("USD", -1n)])).toBe(true);
    expect(isBalanced([line("USD", 1n), line("BTC", -1n)])).toBe(false);
  });
});
