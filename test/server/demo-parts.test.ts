import { setImmediate as breathe } from "node:timers/promises";
import { expect, test } from "vitest";
import { controlTotals } from "../../src/server/demo/control.js";
import { DEMO_PROFILES } from "../../src/server/demo/profile.js";
import { historyStart } from "../../src/server/demo/setup.js";
import { carriedLosses, findingLines, type PartnerLine, partnerTable } from "../../src/server/demo/summary.js";
import { inParallel } from "../../src/server/partner/parallel.js";
import { completedPayload } from "../../src/server/partner/payload.js";
import { openProgress } from "../../src/server/partner/progress.js";
import type { SettledRow } from "../../src/settlement/runs/service.js";

test("the history begins with a local day of the partner, thirty days before it ends", () => {
  const state = { v: 1 as const, nonce: "", seed: "", transactions: 1, run: 1, cast: null };
  const starts = DEMO_PROFILES.map((profile) =>
    historyStart(profile, { ...state, through: "2026-11-10T20:00:00.000Z" }).toISOString(),
  );
  // 11 November already in Seoul and Singapore; summer time in Malta until 25 October 2026
  expect(starts).toEqual(["2026-10-11T15:00:00.000Z", "2026-10-10T22:00:00.000Z", "2026-10-11T16:00:00.000Z"]);
});

test("the table adds up exactly, and tells who carries a loss", () => {
  const lines = [line(["1234567.05", "-0.10"], "0.00"), line(["0.00"], "-12345.6")];
  expect(partnerTable(lines)).toMatch(/transactions {2}batches {2}periods +earned +payable/);
  expect(partnerTable(lines)).toMatch(/ 0 +7 +2 {2}1 234 566\.95 {2}1 234 566\.95 {2}USD\n/);
  expect(partnerTable(lines).split("\n").at(-1)).toMatch(/^ +0 +14 +3$/);
  expect(carriedLosses(lines)).toEqual(["  Meridian Hub carries a loss of 12 345.6 USD into its next period."]);
});

test("what does not verify is marked, with what is wrong with it", () => {
  const text = findingLines([
    { what: "receipts", count: 1_000, faults: [] },
    { what: "statements", count: 7, faults: ["stm_a: DOES_NOT_FOLLOW"] },
  ]);
  expect(text.split("\n")).toEqual(["  ✓ 1 000 receipts", "  ✗     7 statements", "      stm_a: DOES_NOT_FOLLOW"]);
});

test("progress is drawn over on a terminal, written now and then elsewhere, and ends with the last state", () => {
  const terminal = drawn(true);
  terminal.progress.at(0.5, { batches: 1, rows: 10 });
  terminal.progress.at(1, { batches: 2, rows: 20 });
  terminal.progress.end();
  expect(terminal.written[0]).toMatch(/^\r█{15}░{15} {2}50 % {2}10 rows in 1 batch, \d+\/s/);
  expect(terminal.written.at(-2)).toMatch(/^\r█{30} 100 % {2}20 rows in 2 batches/);
  expect(terminal.written.at(-1)).toBe("\n");
  const file = drawn(false);
  file.progress.at(0.5, { batches: 1, rows: 10 });
  file.progress.at(1, { batches: 2, rows: 20 });
  file.progress.end();
  expect(file.written).toHaveLength(1);
  expect(file.written[0]).toMatch(/^█{30} 100 % {2}20 rows in 2 batches, \d+\/s\n$/);
  const nothing = drawn(false);
  nothing.progress.end();
  expect(nothing.written).toEqual([]);
});

test("work goes on so many at a time; after a failure nothing more is taken, what is under way ends", async () => {
  const [begun, ended]: [number[], number[]] = [[], []];
  let atOnce = 0;
  const work = async (item: number) => {
    begun.push(item);
    atOnce = Math.max(atOnce, begun.length - ended.length);
    await breathe();
    ended.push(item);
    if (item === 4) throw new Error("four");
  };
  await expect(inParallel(numbers(100), 3, work)).rejects.toThrow("four");
  expect(atOnce).toBe(3);
  expect(new Set(ended)).toEqual(new Set(begun));
  expect(begun.length).toBeLessThan(10);
  const failing = inParallel(numbers(2, "the source"), 3, async () => undefined);
  await expect(failing).rejects.toThrow("the source");
});

test("a payload that names its iat is signed as it stands; else iat and parties are put in", () => {
  const text = '{ "iat": 1.0, "jti": "a" }\n';
  expect(completedPayload(text)).toBe(text.trim());
  const completed = JSON.parse(completedPayload('{"iss":"me"}', { iss: "ptn_a", aud: "tnt_a" }));
  expect(completed).toEqual({ iss: "me", aud: "tnt_a", iat: expect.any(Number) });
  expect(() => completedPayload("[]")).toThrow("A payload is a JSON object");
  expect(() => completedPayload('{"a":1,"a":2}')).toThrow(/a/);
});

function line(earned: readonly string[], carryOut: string): PartnerLine {
  const [, profile] = DEMO_PROFILES;
  if (profile === undefined) throw new Error("there are three profiles");
  const row = { periodId: "prd_a", start: "", end: "", statementId: "stm_a", base: "0", carryIn: "0", currency: "USD" };
  const settled: SettledRow[] = earned.map((amount) => ({ ...row, carryOut, earned: amount, payable: amount }));
  return { profile, cycle: "WEEKLY", control: controlTotals([]), batches: 7, settled };
}

function drawn(isTTY: boolean) {
  const written: string[] = [];
  const write = (text: string | Uint8Array) => written.push(String(text)) > 0;
  return { written, progress: openProgress({ isTTY, write }) };
}

async function* numbers(count: number, failure?: string): AsyncGenerator<number> {
  for (let number = 1; number <= count; number++) yield number;
  if (failure !== undefined) throw new Error(failure);
}
