import { describe, expect, test } from "vitest";
import type { KindTotal } from "../../src/settlement/terms/activity.js";
import {
  DeductionType,
  type Guarantee,
  GuaranteeKind,
  Measure,
  type ShareTerms,
  TierMode,
  Window,
} from "../../src/settlement/terms/contract.js";
import { publishLine } from "../../src/settlement/terms/lines.js";
import { baseWith, contractWith, deducting, exact, totalsOf } from "../support/contracts.js";
import { based, cents, line, money, settle } from "../support/settling.js";

describe("terms of a brand, a category or a product", () => {
  const at = (brand: string, product: string, category: string, totals: readonly KindTotal[]) =>
    totals.map((total) => ({ ...total, place: { brand, product, category } }));
  const match = { brand: null, category: null, product: null, group: null };
  const none = { base: null, share: null, fees: null, caps: null, guarantee: null };
  const rate = (text: string, pointer: string): ShareTerms => ({
    ...{ pointer, mode: TierMode.SLAB, window: Window.PERIOD, brackets: [{ upTo: null, rate: exact(text) }] },
  });
  const overrides = [
    { ...none, match: { ...match, brand: "main" }, share: rate("0.1", "/overrides/0/share") },
    { ...none, match: { ...match, category: "SLOTS" }, share: rate("0.2", "/overrides/1/share") },
    { ...none, match: { ...match, product: "crash" }, share: rate("0.3", "/overrides/2/share") },
    {
      ...none,
      match: { ...match, product: "dice" },
      base: baseWith({ pointer: "/overrides/3/base", measure: Measure.TURNOVER }),
    },
  ];
  const contract = contractWith({ shareRate: exact("0.5"), overrides });

  test("the most specific wins: a product before a category, that before a brand", () => {
    const result = settle(contract, [
      ...at("main", "crash", "SLOTS", totalsOf({ BET: 100 })),
      ...at("main", "reels", "SLOTS", totalsOf({ BET: 100 })),
      ...at("main", "wheel", "LIVE", totalsOf({ BET: 100 })),
      ...at("other", "wheel", "LIVE", totalsOf({ BET: 100 })),
    ]);
    const shares = result.lines.filter(({ code }) => code === "SHARE").map((each) => publishLine(each, 2));
    expect(shares.map(({ scope, amount, term }) => [scope, amount, term])).toEqual([
      ["", "50.00", "/share"],
      ["brand=main", "10.00", "/overrides/0/share"],
      ["category=SLOTS", "20.00", "/overrides/1/share"],
      ["product=crash", "30.00", "/overrides/2/share"],
    ]);
  });

  test("a base of its own joins the base of what shares its rate", () => {
    const totals = [
      ...at("other", "dice", "LIVE", totalsOf({ BET: 100, WIN: 90 })),
      ...at("other", "x", "", totalsOf({ BET: 10 })),
    ];
    const result = settle(contract, totals);
    expect(line(result, "BASE")).toMatchObject({ formula: "base1 + base2", result: "110.00" });
  });

  test("each carries for itself; what an override leaves behind goes to the rest", () => {
    const loss = at("main", "wheel", "LIVE", totalsOf({ WIN: 100 }));
    const first = settle(contract, [...loss, ...at("other", "x", "", totalsOf({ BET: 10 }))]);
    expect(money(first.earnedMinor)).toBe("5.00");
    expect(first.stateOut).toMatchObject([{ name: "CARRY", scope: "brand=main" }]);
    const without = settle(contractWith({ shareRate: exact("0.5") }), based(150), { state: first.stateOut });
    expect(money(without.earnedMinor)).toBe("25.00");
  });

  test("what is left behind within a tier window joins the window of the rest", () => {
    const monthly = { ...rate("0.5", "/share"), window: Window.MONTH };
    const own = contractWith({ share: monthly, overrides: overrides.slice(0, 1) });
    const loss = at("main", "wheel", "LIVE", totalsOf({ WIN: 100 }));
    const first = settle(own, [...loss, ...based(10)]);
    const second = settle(contractWith({ share: monthly }), based(150), { state: first.stateOut });
    expect([first, second].map(({ earnedMinor }) => money(earnedMinor))).toEqual(["5.00", "25.00"]); // 60 × 50 % − 5
    const third = settle(contractWith({ share: monthly }), based(10), { state: second.stateOut });
    expect(money(third.earnedMinor)).toBe("5.00");
  });

  test("a guarantee and a cap of its own look at its share alone", () => {
    const guarantee: Guarantee = {
      ...{ pointer: "/overrides/0/guarantee", kind: GuaranteeKind.FLOOR, amount: cents("30"), window: Window.PERIOD },
      ...{ isProrated: false, instalments: [] },
    };
    const [brand] = overrides;
    const own = contractWith({
      shareRate: exact("0.5"),
      overrides: brand === undefined ? [] : [{ ...brand, guarantee }],
    });
    const result = settle(own, [
      ...at("main", "", "", totalsOf({ BET: 100 })),
      ...at("", "", "", totalsOf({ BET: 100 })),
    ]);
    expect(line(result, "TOP_UP")).toMatchObject({ scope: "brand=main", amount: "20.00" });
    expect(money(result.earnedMinor)).toBe("80.00");
  });
});

test("a deduction from a base of an override names the override", () => {
  const base = baseWith({
    ...{ pointer: "/overrides/0/base", measure: Measure.NGR },
    deductions: [deducting(DeductionType.BONUS)],
  });
  const override = { base, share: null, fees: null, caps: null, guarantee: null };
  const contract = contractWith({
    overrides: [{ ...override, match: { brand: "a", category: null, product: null, group: null } }],
  });
  const place = { brand: "a", product: "", category: "" };
  const result = settle(
    contract,
    totalsOf({ BET: 100, BONUS: 10 }).map((total) => ({ ...total, place })),
  );
  expect(line(result, "DEDUCTION_BONUS").term).toBe("/overrides/0/base/deductions/0");
});
