import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parseConfiguration } from "../../src/settlement/document.js";
import { contractOf } from "../../src/settlement/document-contract.js";
import { calculate, type TermsResult } from "../../src/settlement/terms/calculate.js";
import type { LineCode } from "../../src/settlement/terms/lines.js";
import { example, totalsOf, wholePeriod } from "../support/contracts.js";
import { line, money } from "../support/settling.js";

const SETTLEMENT = readFileSync(new URL("../../docs/settlement.md", import.meta.url), "utf8");

test("the worked contract of docs/settlement.md comes to the amounts that it says", () => {
  const document = parseConfiguration(example("config-weekly-tiers"));
  const contract = contractOf(document, { currency: "USD", scale: 2 });
  const weeks = [
    { BET: 8_000, WIN: 3_000, JACKPOT_CONTRIBUTION: 400, BONUS: 600 },
    { BET: 8_000, WIN: 5_000, JACKPOT_CONTRIBUTION: 200, BONUS: 100 },
    { BET: 8_000, WIN: 9_000 },
    { BET: 8_000, WIN: 6_000, JACKPOT_CONTRIBUTION: 100 },
  ];
  const results: TermsResult[] = [];
  for (const [index, sums] of weeks.entries()) {
    const last = results.at(-1);
    const [firstDay, nextDay] = [2, 9, 16, 23, 30]
      .slice(index)
      .map((day) => `2026-03-${String(day).padStart(2, "0")}`) as [string, string];
    const before = { state: last?.stateOut ?? [], openingMinor: last?.closingMinor ?? 0n };
    results.push(calculate({ contract, totals: totalsOf(sums), ...before, period: wholePeriod(firstDay, nextDay) }));
  }
  const steps = results.map((result, index) => {
    const settled = results.slice(0, index).reduce((sum, before) => sum + minorOf(before, "SHARE"), 0n);
    const tiers = settled + minorOf(result, "SHARE");
    const bases = (["GGR", "BASE", "WINDOW_BASE"] as const).map((code) => line(result, code).result.replace(".00", ""));
    return [...bases, ...[tiers, settled].map(money), line(result, "SHARE").amount];
  });
  const told = tableOf(SETTLEMENT, "| week | GGR |").map(([ggr, _jackpot, _bonus, ...others]) => [ggr, ...others]);
  expect(steps).toEqual(told);
  const amountOf = (result: TermsResult, code: LineCode) =>
    result.lines.some((each) => each.code === code) ? line(result, code).amount : "0.00";
  const openings = new Map(results.map((result, index) => [result, results[index - 1]?.closingMinor ?? 0n]));
  const rows = results.map((result) => [
    ...(["SHARE", "FEE_FIXED", "JACKPOT_CONTRIBUTIONS"] as const).map((code) => amountOf(result, code)),
    ...[result.earnedMinor, result.reserveHeldMinor, openings.get(result) ?? 0n].map(money),
    ...[result.payableMinor, result.taxWithheldMinor].map(money),
    ...(["PAID_OUT", "CLOSING"] as const).map((code) => amountOf(result, code)),
  ]);
  expect(rows).toEqual(tableOf(SETTLEMENT, "| week | share | integration |"));
});

function minorOf(result: TermsResult, code: LineCode): bigint {
  return BigInt((line(result, code).amount ?? "").replace(".", ""));
}

/** The rows of a table of the page, without the first column, as amounts of a statement. */
function tableOf(page: string, head: string): string[][] {
  const [, , ...rows] = page.slice(page.indexOf(head)).split("\n");
  const cells = rows.slice(0, rows.indexOf("")).map((row) => row.split("|").slice(2, -1));
  return cells.map((row) => row.map((cell) => cell.trim().replace("−", "-").replaceAll(",", "")));
}
