import { expect, test } from "vitest";
import { parseConfiguration } from "../../src/settlement/document.js";
import { contractOf } from "../../src/settlement/document-contract.js";
import { calculate, type TermsResult } from "../../src/settlement/terms/calculate.js";
import { example, totalsOf, wholePeriod } from "../support/contracts.js";
import { line, money } from "../support/settling.js";

test("the worked contract of docs/settlement.md comes to the amounts that it says", () => {
  const document = parseConfiguration(example("config-weekly-tiers"));
  const contract = contractOf(document, { currency: "USD", scale: 2 });
  const weeks = [
    { BET: 8_000, WIN: 3_000, JACKPOT_CONTRIBUTION: 400, BONUS: 600 },
    { BET: 8_000, WIN: 5_000, JACKPOT_CONTRIBUTION: 200, BONUS: 100 },
    { BET: 8_000, WIN: 9_000 },
  ];
  const results: TermsResult[] = [];
  for (const [index, sums] of weeks.entries()) {
    const last = results.at(-1);
    const [firstDay, nextDay] = [2, 9, 16, 23].slice(index).map((day) => `2026-03-${String(day).padStart(2, "0")}`) as [
      string,
      string,
    ];
    const before = { state: last?.stateOut ?? [], openingMinor: last?.closingMinor ?? 0n };
    results.push(calculate({ contract, totals: totalsOf(sums), ...before, period: wholePeriod(firstDay, nextDay) }));
  }
  expect(results.map((result) => line(result, "WINDOW_BASE").result)).toEqual(["4100.00", "6800.00", "5800.00"]);
  expect(results.map((result) => line(result, "SHARE").amount)).toEqual(["1025.00", "765.00", "-300.00"]);
  const [first, , third] = results;
  expect(first && [first.earnedMinor, first.reserveHeldMinor, first.payableMinor].map(money)).toEqual([
    ...["1325.00", "66.25", "1258.75"],
  ]);
  expect(first && [line(first, "TAX_WITHHELD").amount, line(first, "PAID_OUT").amount]).toEqual(["41.54", "1217.21"]);
  expect(third && [third.earnedMinor, third.closingMinor].map(money)).toEqual(["-300.00", "-300.00"]);
});
