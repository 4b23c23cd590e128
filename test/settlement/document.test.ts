import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, test } from "vitest";
import { canonicalJson } from "../../src/kernel/canonical-json.js";
import { ErrorCode } from "../../src/kernel/errors.js";
import { Rational } from "../../src/kernel/rational.js";
import type { Cycle } from "../../src/periods/rules.js";
import {
  configurationJsonSchema,
  configurationSha256,
  graceMsOf,
  parseConfiguration,
} from "../../src/settlement/document.js";
import { warningsOf } from "../../src/settlement/document-checks.js";
import { contractOf } from "../../src/settlement/document-contract.js";
import { example } from "../support/contracts.js";

const EXAMPLES = ["config-daily-12pct", "config-weekly-ggr", "config-monthly-ngr", "config-weekly-tiers"];
const DAILY = "config-daily-12pct";

/** An example with the member at a JSON pointer put in or, when undefined, taken out. */
function changed(pointer: string, value: unknown, name = DAILY): unknown {
  const document = example(name);
  const names = pointer.split("/").slice(1);
  const last = names.pop() ?? "";
  let parent: Record<string, unknown> = document;
  for (const each of names) parent = objectIn(parent[each]);
  if (value === undefined) delete parent[last];
  else parent[last] = value;
  return document;
}

function objectIn(value: unknown): Record<string, unknown> {
  expect(value).toBeTypeOf("object");
  return value as Record<string, unknown>;
}

function refusalOf(document: unknown): unknown {
  try {
    parseConfiguration(document);
    return null;
  } catch (error) {
    return error;
  }
}

describe("the published schema", () => {
  const text = `${JSON.stringify(configurationJsonSchema(), null, 2)}\n`;

  test("is what the code parses", async () => {
    await expect(text).toMatchFileSnapshot("../../schema/configuration.schema.json");
  });

  test.each(EXAMPLES)("accepts %s, as parsing does, which changes nothing", (name) => {
    const ajv = new Ajv2020({ strict: true, formats: { date: true } });
    const document = example(name);
    expect(ajv.validate(configurationJsonSchema(), document)).toBe(true);
    expect(canonicalJson(parseConfiguration(document))).toBe(canonicalJson(document));
  });
});

describe("a document is refused with the path", () => {
  test.each([
    ["/v", 2, "/v"],
    ["/share", undefined, "/share"],
    ["/share/rate", 0.12, "/share/rate"],
    ["/share/rate", "12 %", "/share/rate"],
    ["/share/rate", "1.5", "/share/rate"],
    ["/share/rate", "3/2", "/share/rate"],
    ["/share/rate", "1/0", "/share/rate"],
    ["/share/rate", "-0.1", "/share/rate"],
    ["/share/rate", "0.12 ", "/share/rate"],
    ["/share/rate", "1e-1", "/share/rate"],
    ["/share/bonus", true, "/share/bonus"],
    ["/unknown", 1, "/unknown"],
    ["/name", "\ud800", "/name"],
    ["/name", "", "/name"],
    ["/cycle/kind", "HOURLY", "/cycle/kind"],
    ["/cycle/weekday", "MONDAY", "/cycle/weekday"],
    ["/payout/minimum", "-1", "/payout/minimum"],
    ["/payout/minimum", 0, "/payout/minimum"],
    ["/rounding/mode", "BANKERS", "/rounding/mode"],
    ["/grace", "6h", "/grace"],
    ["/grace", "P", "/grace"],
    ["/grace", "PT", "/grace"],
    ["/grace", "P32D", "/grace"],
    ["/base/deductions", undefined, "/base/deductions"],
    ["/base/deductions", [], "/base/deductions"],
    ["/base/measure", "GGR", "/base/deductions"],
    ["/base/deductions/0/cap/basis/less", ["BONUS"], "/base/deductions/0"],
  ])("%s = %j", (pointer, value, path) => {
    expect(refusalOf(changed(pointer, value))).toMatchObject({ code: ErrorCode.VALIDATION, details: { path } });
  });

  test("what is no document at all is refused", () => {
    for (const document of [null, [], "{}", 1])
      expect(refusalOf(document)).toMatchObject({ code: ErrorCode.VALIDATION });
  });

  test("a name of the caller's is repeated only where it is a plain one", () => {
    const names = ["<script>", "x".repeat(33), "\ud800", "한국"];
    const odd = Object.fromEntries(names.map((name) => [name, 1]));
    const refused = refusalOf({ ...example(DAILY), ...odd });
    expect(refused).toMatchObject({
      code: ErrorCode.VALIDATION,
      details: { path: "/", problems: [expect.any(String)] },
    });
    const both = refusalOf({ ...example(DAILY), ...odd, plain: 1 });
    expect(both).toMatchObject({ details: { path: "/plain" } });
    for (const error of [refused, both]) {
      const text = `${String(error)} ${JSON.stringify(Object(error).details)}`;
      for (const name of [...names, "\\ud800"]) expect(text).not.toContain(name);
    }
  });

  test("every problem is listed", () => {
    const document = { ...example(DAILY), grace: "soon", lateItems: "NEVER" };
    expect(refusalOf(document)).toMatchObject({
      details: {
        path: "/grace",
        problems: [expect.stringMatching(/^\/grace /), expect.stringMatching(/^\/lateItems /)],
      },
    });
  });

  test("the same transactions are not deducted twice, and a basis looks only back", () => {
    const bonus = { type: "BONUS", source: "TRANSACTIONS" };
    const tax = { type: "GAMING_TAX", source: "RATE", rate: "0.1", basis: { measure: "GGR", less: ["BONUS"] } };
    const refused = (deductions: unknown[]) => refusalOf(changed("/base/deductions", deductions));
    expect(refused([bonus, tax])).toBeNull();
    expect(refused([bonus, bonus])).toMatchObject({ details: { path: "/base/deductions/1" } });
    expect(refused([tax, bonus])).toMatchObject({ details: { path: "/base/deductions/0" } });
  });

  test("rates so fine together that a base could not be written are refused", () => {
    const fee = (rate: string) => ({ type: "ADMIN_FEE", source: "RATE", rate, basis: { measure: "GGR" } });
    const refused = (rates: string[]) => refusalOf(changed("/base/deductions", rates.map(fee)));
    expect(refused(["1/999999937", "1/999999929", "1/999999893"])).toBeNull();
    expect(refused(["1/999999937", "1/999999929", "1/999999893", "0.1"])).toMatchObject({
      details: { path: "/base/deductions" },
    });
  });
});

describe("the format holds what is not settled yet, and such a document is refused by its path", () => {
  test.each([
    ["/credit", { drawAt: "POSTING", whenExhausted: "CREDIT_LINE", creditLimit: "500", lowWater: "0.1" }, "/credit"],
    ["/rules", { format: "JDM", content: { nodes: [] } }, "/rules"],
  ])("%s = %j", (pointer, value, path) => {
    expect(refusalOf(changed(pointer, value))).toMatchObject({
      code: ErrorCode.VALIDATION,
      details: { path, problems: [`${path} is not supported yet`] },
    });
  });
});

test("what a silence means may also be said", () => {
  const document = changed("/carryOver", { policy: "FULL", unit: "BASE", scope: "PARTNER" });
  expect(refusalOf(document)).toBeNull();
  expect(refusalOf(changed("/payout/negative", "CARRY"))).toBeNull();
});

test("the digest does not depend on how the document is spelled", () => {
  const document = parseConfiguration(example(DAILY));
  const reversed = parseConfiguration(Object.fromEntries(Object.entries(example(DAILY)).reverse()));
  expect(configurationSha256(reversed)).toBe(configurationSha256(document));
  expect(configurationSha256(parseConfiguration(changed("/share/rate", "0.13")))).not.toBe(
    configurationSha256(document),
  );
});

test("a member that hides in the prototype is refused", () => {
  const document = JSON.parse(JSON.stringify(example(DAILY)).replace('{"v"', '{"__proto__":{"fees":[]},"v"'));
  expect(refusalOf(document)).toMatchObject({ details: { path: "/__proto__" } });
});

test("the cycle is one that the calendar plans", () => {
  const cycle: Cycle = parseConfiguration(example("config-weekly-ggr")).cycle;
  expect(cycle).toEqual({ kind: "WEEKLY", weekday: "MONDAY" });
});

test("grace is read to the millisecond", () => {
  const graceOf = (grace: string) => graceMsOf(parseConfiguration(changed("/grace", grace)));
  expect(["PT0S", "PT6H", "P1D", "P1DT2H3M4S", "PT90M"].map(graceOf)).toEqual([
    0, 21_600_000, 86_400_000, 93_784_000, 5_400_000,
  ]);
});

describe("the contract of a document", () => {
  test("has the rates and the minimum as exact numbers of the currency", () => {
    const contract = contractOf(parseConfiguration(changed("/payout/minimum", "10.5")), { currency: "USD", scale: 2 });
    expect(contract).toMatchObject({
      base: {
        measure: "NGR",
        freeRoundStake: "ZERO",
        deductions: [{ type: "BONUS", rateOf: null, cap: { basis: { measure: "GGR", less: [] } } }],
      },
      carry: { policy: "FULL", unit: "BASE" },
      payout: { minimumMinor: 1_050n },
      rounding: { mode: "HALF_EVEN", stage: "TOTAL" },
    });
    expect(contract.share.brackets).toEqual([{ upTo: null, rate: Rational.of(12n, 100n) }]);
  });

  test("refuses an amount with more decimals than the currency has", () => {
    const document = parseConfiguration(changed("/payout/minimum", "10.5"));
    expect(() => contractOf(document, { currency: "KRW", scale: 0 })).toThrow(
      expect.objectContaining({
        code: ErrorCode.VALIDATION,
        details: expect.objectContaining({ path: "/payout/minimum" }),
      }),
    );
  });
});

describe("what members mean together", () => {
  const brackets = [{ upTo: "5000", rate: "0.25" }, { upTo: "20000", rate: "0.3" }, { rate: "0.35" }];
  const tiers = { kind: "TIERED", mode: "SLAB", brackets };
  const rate = { kind: "FLAT", rate: "0.1" };
  const fee = { kind: "PER_UNIT", name: "cpa", payer: "TENANT", amount: "80", kinds: ["ACQUISITION"] };
  const floor = { kind: "FLOOR", amount: "10000", prorate: "DAYS" };

  test.each([
    ["/share", { kind: "NONE" }],
    ["/share", tiers],
    ["/share", { ...tiers, mode: "MARGINAL", window: "MONTH" }],
    ["/fees", [fee, { kind: "FIXED", name: "platform", payer: "PARTNER", amount: "100.00", per: "MONTH" }]],
    ["/guarantee", floor],
    ["/guarantee", { ...floor, kind: "CUMULATIVE", window: "YEAR" }],
    ["/guarantee", { kind: "RECOUPABLE_ADVANCE", instalments: [{ amount: "10000", on: "2026-01-01" }] }],
    ["/caps", [{ of: "SHARE", maximum: "100000", window: "MONTH" }]],
    ["/carryOver", { policy: "CAPPED", unit: "COMMISSION", rate: "0.5", expiresAfterPeriods: 3, scope: "BRAND" }],
    ["/jackpots", { contribution: { source: "TRANSACTIONS" }, settlement: "SEPARATE" }],
    ["/reserve", { rate: "0.05", of: "EARNED", releaseAfterPeriods: 6 }],
    ["/taxes", { withholding: { rate: "0.033" }, vat: { rate: "0.1", treatment: "ADDED" } }],
    ["/payout/negative", "COLLECT"],
    ["/payout/splits", ["0.5", "0.3", "0.2"].map((weight, index) => ({ to: `a${index}`, weight }))],
    ["/rounding/scale", 0],
    ["/overrides", [{ for: { brand: "main" }, share: rate, guarantee: floor }]],
  ])("%s = %j is settled", (pointer, value) => {
    expect(refusalOf(changed(pointer, value))).toBeNull();
  });

  test.each([
    ["/share", { ...tiers, brackets: [...brackets].reverse() }, "/share/brackets/0/upTo"],
    ["/share", { ...tiers, brackets: [brackets[1], brackets[0], brackets[2]] }, "/share/brackets/1/upTo"],
    ["/share", { ...tiers, brackets: brackets.slice(0, 2) }, "/share/brackets/1/upTo"],
    ["/share", { ...tiers, brackets: [{ upTo: "0", rate: "0.1" }, brackets[2]] }, "/share/brackets/0/upTo"],
    ["/fees", [fee, fee], "/fees/1/name"],
    [
      "/jackpots",
      {
        contribution: { source: "RATE", rate: "0.01", basis: { measure: "GGR", less: ["BONUS"] } },
        settlement: "NETTED",
      },
      "/jackpots/contribution/basis/less",
    ],
    ["/fees", [{ ...fee, kinds: ["ROLLBACK"] }], "/fees/0/kinds/0"],
    ["/payout/splits", [{ to: "a", weight: "0.5" }], "/payout/splits"],
    ["/overrides", [{ for: { brand: "a" }, share: rate, payout: { minimum: "1" } }], "/overrides/0/payout"],
    ["/overrides", [{ for: { brand: "a" }, guarantee: floor }], "/overrides/0/guarantee"],
    ["/overrides", ["a", "a"].map((brand) => ({ for: { brand }, share: rate })), "/overrides/1/for"],
  ])("%s = %j is refused", (pointer, value, path) => {
    expect(refusalOf(changed(pointer, value))).toMatchObject({ code: ErrorCode.VALIDATION, details: { path } });
  });

  test("a window is not shorter than a period, and GROSS belongs to slabs", () => {
    const week = { ...tiers, window: "WEEK" };
    expect(refusalOf(changed("/share", week))).toBeNull();
    expect(refusalOf(changed("/share", week, "config-monthly-ngr"))).toMatchObject({
      details: { path: "/share/window" },
    });
    const gross = { policy: "FULL", unit: "BASE", tierBasis: "GROSS" };
    const document = { ...example(DAILY), share: { ...tiers, mode: "MARGINAL" }, carryOver: gross };
    expect(refusalOf(document)).toMatchObject({ details: { path: "/carryOver/tierBasis" } });
  });

  test("cliffs and falling rates are warned of, not refused", () => {
    const warned = (share: unknown) => warningsOf(parseConfiguration(changed("/share", share)));
    expect(warned(tiers)).toEqual([
      expect.stringMatching(/^\/share\/brackets\/1 is a cliff/),
      expect.stringMatching(/^\/share\/brackets\/2 is a cliff/),
    ]);
    expect(warned({ ...tiers, mode: "MARGINAL" })).toEqual([]);
    const falling = [{ upTo: "50000", rate: "0.15" }, { rate: "0.12" }];
    expect(warned({ ...tiers, brackets: falling })).toEqual([expect.stringMatching(/brackets\/1 pays less/)]);
    expect(warned(rate)).toEqual([]);
  });

  test("an override for a currency alone takes the place of the document's own members", () => {
    const document = parseConfiguration(
      changed("/overrides", [
        { for: { currency: "KRW" }, payout: { minimum: "1000" } },
        { for: { currency: "USD", brand: "a" }, share: rate },
      ]),
    );
    const won = contractOf(document, { currency: "KRW", scale: 0 });
    expect(won).toMatchObject({ payout: { minimumMinor: 1_000n }, overrides: [] });
    expect(contractOf(document, { currency: "USD", scale: 2 }).overrides).toHaveLength(1);
  });
});
