import { spawnSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { parseConfiguration } from "../../src/settlement/document.js";
import { contractOf } from "../../src/settlement/document-contract.js";
import { recomputeStatement } from "../../src/settlement/recompute.js";
import { settle as settlePeriods } from "../../src/settlement/runs/service.js";
import { linesOf, simulatedStatements, simulateSettlement } from "../../src/settlement/simulations/service.js";
import { documentOf, statementsOf } from "../../src/settlement/statements/service.js";
import type { KindTotal } from "../../src/settlement/terms/activity.js";
import { calculate, type TermsResult } from "../../src/settlement/terms/calculate.js";
import type { Contract } from "../../src/settlement/terms/contract.js";
import { exactText } from "../../src/settlement/terms/exact.js";
import { publishLine } from "../../src/settlement/terms/lines.js";
import { testApp } from "../support/app.js";
import { totalsOf, wholePeriod } from "../support/contracts.js";
import { type Row, ruled, table } from "../support/rules.js";
import { based, chain, line, money, settle } from "../support/settling.js";
import { openPlace, type Place, type Reported, report, setGame } from "./place.js";

const app = await testApp();

const PROGRAM = new URL("recompute.py", import.meta.url).pathname;
const hasPython = spawnSync("python3", ["--version"]).status === 0;

const A = "a".repeat(32);
const GGR = { measure: "GGR", freeRoundStake: "ZERO", jackpotWins: "EXCLUDED" };
const FENCE = { policy: "NONE", ringFence: { playerAtMost: "-7000", aggregateAtMost: "-2000" } };
const BRACKETS = [{ upTo: "5000", rate: "0.25" }, { upTo: "20000", rate: "0.3" }, { rate: "0.35" }];
const MONTHLY = { kind: "TIERED", mode: "SLAB", window: "MONTH", brackets: BRACKETS };

/** Slots at a rate that a rule chooses, everything else by contract. */
const BY_CATEGORY: readonly Row[] = [['"SLOTS"', '"0.3"'], []];
const SLOTS = ruled(table({ inputs: ["category"], outputs: ["rate"], rows: BY_CATEGORY }), ["CATEGORY"]);
/** A good period at 10 %, whatever it is; others by contract. */
const GOOD = ruled(table({ inputs: ["base"], outputs: ["rate"], rows: [["> 10000", '"0.1"'], []] }));

function contract(document: object): Contract {
  return contractOf(parseConfiguration(document), { currency: "USD", scale: 2 });
}

function inGame(category: string, base: number, player?: string): KindTotal[] {
  const place = { brand: "", product: category, category };
  return based(base).map((total) => ({ ...total, place, ...(player === undefined ? {} : { player }) }));
}

function left({ stateOut }: TermsResult): Record<string, string> {
  return Object.fromEntries(stateOut.map(({ name, scope, value }) => [`${name} ${scope}`, exactText(value, 2)]));
}

function shares({ lines }: TermsResult): Record<string, string | null> {
  const found = lines.filter(({ code }) => code === "SHARE").map((each) => publishLine(each, 2));
  return Object.fromEntries(found.map(({ scope, amount }) => [scope, amount]));
}

describe("domain 7, a ring-fence beside a rule", () => {
  test("fences within what the rule sets apart: A −9,000 and slots +6,000, whatever live games made", () => {
    const fenced = contract({ ...SLOTS, base: GGR, carryOver: FENCE });
    const [first, next] = chain(fenced, [
      [...inGame("SLOTS", -9_000, A), ...inGame("SLOTS", 6_000), ...inGame("LIVE", 1_000)],
      [...inGame("SLOTS", 2_000, A), ...inGame("SLOTS", 5_000)],
    ]) as [TermsResult, TermsResult];
    expect(left(first)).toEqual({ [`PLAYER_CARRY case category=SLOTS; player=${A}`]: "-3000.00" });
    expect(shares(first)).toEqual({ "": "120.00", "case category=SLOTS": "0.00" });
    expect(left(next)).toEqual({ [`PLAYER_CARRY case category=SLOTS; player=${A}`]: "-1000.00" });
    expect(money(next.earnedMinor)).toBe("1500.00"); // 5,000 × 30 %
  });

  test("what is carried against a player waits while nothing happens in the case", () => {
    const fenced = contract({ ...SLOTS, base: GGR, carryOver: FENCE });
    const periods = [inGame("SLOTS", -9_000, A), inGame("LIVE", 1_000), [], inGame("SLOTS", 9_500, A)];
    const last = chain(fenced, periods).at(-1) as TermsResult;
    expect([money(last.earnedMinor), left(last)]).toEqual(["150.00", {}]);
  });
});

describe("domain 4, a bonus cap beside a rule's value of free rounds' stakes", () => {
  const STAKED = ruled(
    table({ inputs: ["category"], outputs: ["freeRoundStake"], rows: [['"LIVE"', '"FACE_VALUE"'], []] }),
    ["CATEGORY"],
  );
  const ofGgr = { rate: "0.1", basis: { measure: "GGR" } };
  const deductions = [
    { type: "JACKPOT_CONTRIBUTION", source: "TRANSACTIONS" },
    { type: "BONUS", source: "TRANSACTIONS", cap: ofGgr },
  ];
  const inCategory = (category: string, sums: Readonly<Record<string, number>>) => {
    return totalsOf(sums).map((total) => ({ ...total, place: { brand: "", product: category, category } }));
  };
  const activity = [
    ...inCategory("SLOTS", {
      BET: 740_000,
      WIN: 700_000,
      BONUS_BET: 900,
      BONUS_WIN: 1_000,
      JACKPOT_CONTRIBUTION: 12_400,
    }),
    ...inCategory("LIVE", { BET: 489_000, WIN: 468_000, BONUS_BET: 11_000, BONUS_WIN: 2_000 }),
  ];

  test("counts once: 70,000 − 12,400 − min(1,000 + 11,000; 7,000), whatever is at which value, is 6,072.00", () => {
    const result = settle(contract({ ...STAKED, base: { ...GGR, measure: "NGR", deductions } }), activity);
    const lines = result.lines.map((each) => publishLine(each, 2));
    const of = (code: string) => lines.filter((each) => each.code === code).map((each) => each.result);
    expect([of("GGR"), of("DEDUCTION_BONUS"), of("BASE")]).toEqual([["70000.00"], ["7000.00"], ["50600.00"]]);
    expect(line(result, "SHARE")).toMatchObject({ amount: "6072.00" });
    expect(line(result, "DEDUCTION_BONUS").formula).toBe("min(bonuses + bonusWins + bonusBets, capRate * max(ggr, 0))");
  });
});

describe("domain 6, tiers over a window beside a rule's rate", () => {
  const WEEKS = ["02", "09", "16", "23", "30"].map((day) => `2026-03-${day}`);
  const days = WEEKS.slice(1).map((next, index) => wholePeriod(WEEKS[index] ?? "", next));

  test("weeks 4,000 / 3,000 / 15,000: without the rule's answer 1,000, 1,100 and 5,600, as ever", () => {
    const never = ruled(table({ inputs: ["base"], outputs: ["rate"], rows: [["> 99999", '"0.1"'], []] }));
    const weeks = chain(contract({ ...never, base: GGR, share: MONTHLY }), [4_000, 3_000, 15_000].map(based), days);
    expect(weeks.map(({ earnedMinor }) => money(earnedMinor))).toEqual(["1000.00", "1100.00", "5600.00"]);
  });

  test("a week that the rule sets a rate for is no part of the window, which goes on after it", () => {
    const weekly = contract({ ...GOOD, base: GGR, share: MONTHLY });
    const weeks = chain(weekly, [4_000, 15_000, 3_000].map(based), days);
    expect(weeks.map(({ earnedMinor }) => money(earnedMinor))).toEqual(["1000.00", "1500.00", "1100.00"]);
    expect(shares(weeks[1] as TermsResult)).toEqual({ "": "0.00", "case whole": "1500.00" });
  });

  test("what the rule sets apart carries for itself, and needs no window while nothing happens there", () => {
    const carryOver = { policy: "FULL", unit: "BASE" };
    const weekly = contract({ ...SLOTS, base: GGR, share: MONTHLY, carryOver });
    const weeks = chain(
      weekly,
      [[...inGame("SLOTS", -1_000), ...inGame("LIVE", 4_000)], inGame("LIVE", 3_000), inGame("SLOTS", 1_500)],
      days,
    );
    expect(weeks.map(({ earnedMinor }) => money(earnedMinor))).toEqual(["1000.00", "1100.00", "150.00"]);
    expect(left(weeks[1] as TermsResult)).toMatchObject({ "CARRY case category=SLOTS": "-1000.00" });
    const named = Object.keys(left(weeks[1] as TermsResult)).filter((name) => name.startsWith("WINDOW"));
    expect(named).toEqual(["WINDOW_BASE ", "WINDOW_SETTLED "]);
  });

  test("late items move the carry of what the rule sets apart, though the window is the same", () => {
    const carryOver = { policy: "FULL", unit: "BASE" };
    const weekly = contract({ ...SLOTS, base: GGR, share: MONTHLY, carryOver, lateItems: "ORIGIN_TERMS" });
    const [first] = chain(weekly, [inGame("SLOTS", -1_000)], days) as [TermsResult];
    const origin = { contract: weekly, totals: inGame("SLOTS", -1_000), state: [], before: [], periodId: "prd_o" };
    const late = inGame("SLOTS", 400).map((total) => ({ ...total, originPeriodId: "prd_o" }));
    const [, second = wholePeriod("", "")] = days;
    const result = calculate({
      ...{ contract: weekly, totals: [...late, ...inGame("SLOTS", 1_000)], state: first.stateOut, openingMinor: 0n },
      ...{ period: second, origins: [{ ...origin, period: days[0] ?? second }] },
    });
    expect(money(result.earnedMinor)).toBe("120.00"); // (1,000 − 600) × 30 %
  });
});

describe("through the database", () => {
  const noon = (day: number) => new Date(Date.UTC(2026, 2, day, 3)).toISOString();

  async function open(document: object): Promise<Place> {
    app.clock.set("2026-03-01T15:00:00.000Z");
    const place = await openPlace(app, "2026-03-01T15:00:00.000Z", { document: JSON.parse(JSON.stringify(document)) });
    for (const [code, category] of [["reels", "SLOTS"] as const, ["roulette", "LIVE"] as const]) {
      await setGame(app, place, { partnerId: place.partner.id, code, category });
    }
    return place;
  }

  /** The statement of a day; verified here and, where there is Python, elsewhere, and replayed to the same. */
  async function settled(place: Place, day: number, reported: readonly Omit<Reported, "occurredAt">[]) {
    app.clock.set(noon(day));
    await report(
      app,
      place,
      reported.map((item) => ({ ...item, occurredAt: noon(day) }) as Reported),
    );
    const through = new Date(Date.UTC(2026, 2, day, 15));
    app.clock.set(new Date(through.getTime() + 1_000));
    await settlePeriods(app, place.shell, { partnerId: place.partner.id, through });
    const [statement] = (await statementsOf(app, place.partner, "USD", { first: 1 })).rows;
    if (statement === undefined) throw new Error("no statement");
    const document = documentOf(statement);
    expect(recomputeStatement(document)).toEqual([]);
    if (hasPython) {
      const { stdout, stderr } = spawnSync("python3", [PROGRAM], { input: JSON.stringify([document]) });
      expect([stdout.toString().trim(), stderr.toString()]).toEqual(["", ""]);
    }
    return document;
  }

  const item = (kind: string, product: string, amount: number, player: string) => {
    return { kind, product, amount: `${amount}.00`, player };
  };

  test("players are told apart in what the rule makes of their games, and a replay comes to the same", async () => {
    const place = await open({ ...SLOTS, base: GGR, carryOver: FENCE });
    const first = await settled(place, 2, [
      ...[item("WIN", "reels", 9_000, "a"), item("BET", "reels", 6_000, "b"), item("BET", "roulette", 20_000, "c")],
    ]);
    expect(first).toMatchObject({ earned: "2400.00", carryOut: "-3000.00" }); // 20,000 × 12 %
    const second = await settled(place, 3, [item("BET", "reels", 2_000, "a"), item("BET", "reels", 5_000, "b")]);
    expect(second).toMatchObject({ earned: "1500.00", carryIn: "-3000.00", carryOut: "-1000.00" });
    const range = { from: new Date("2026-03-01T15:00:00Z"), through: new Date("2026-03-03T15:00:00Z") };
    const simulation = await simulateSettlement(app, place.shell, { ...range, partnerIds: [place.partner.id] });
    const { rows } = await simulatedStatements(app, simulation, {});
    expect(rows.length).toBe(2);
    expect(rows.flatMap(linesOf).every(({ delta }) => delta === "0")).toBe(true);
  });

  test("days in a monthly window, one of them at the rule's rate", async () => {
    const place = await open({ ...GOOD, base: GGR, share: MONTHLY });
    const earned: string[] = [];
    for (const [index, base] of [4_000, 15_000, 3_000].entries()) {
      earned.push((await settled(place, index + 2, [item("BET", "reels", base, "a")])).earned);
    }
    expect(earned).toEqual(["1000.00", "1500.00", "1100.00"]);
  });
});
