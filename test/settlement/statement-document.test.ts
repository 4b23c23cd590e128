import { Ajv2020 } from "ajv/dist/2020.js";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { canonicalJson } from "../../src/kernel/canonical-json.js";
import type { Rational } from "../../src/kernel/rational.js";
import { type ConfigurationDocument, configurationSha256, parseConfiguration } from "../../src/settlement/document.js";
import { contractOf } from "../../src/settlement/document-contract.js";
import { recomputeStatement } from "../../src/settlement/recompute.js";
import { buildStatementDocument, statementJsonSchema } from "../../src/settlement/statement-document.js";
import type { StatementDocument } from "../../src/settlement/statement-schema.js";
import type { KindTotal } from "../../src/settlement/terms/activity.js";
import { calculate } from "../../src/settlement/terms/calculate.js";
import { type PeriodSpan, periodDays } from "../../src/settlement/terms/period.js";
import { type State, StateName } from "../../src/settlement/terms/state.js";
import { anyCarry, anyOpening, anyTotals, carrying, exact, example, totalsOf } from "../support/contracts.js";

const DAILY = parseConfiguration(example("config-daily-12pct"));
const MONTHLY = parseConfiguration(example("config-monthly-ngr"));
const ACTIVITY = { BET: 1_250_000, ROLLBACK_BET: 10_000, WIN: 1_172_000, ROLLBACK_WIN: 2_000, BONUS: 12_000 };

interface Facts {
  readonly carryIn?: Rational;
  readonly state?: State;
  readonly openingMinor?: bigint;
  readonly document?: ConfigurationDocument;
}

function statement(
  totals: readonly KindTotal[],
  { carryIn = exact("0"), state = carrying(carryIn), openingMinor = 0n, document = DAILY }: Facts = {},
): StatementDocument {
  const contract = contractOf(document, { currency: "USD", scale: 2 });
  const period = spanOf(document);
  const result = calculate({ contract, totals, state, openingMinor, period: periodDays(period) });
  const header = {
    tenantId: "tnt_a",
    partnerId: "ptn_b",
    statementId: "stm_c",
    issuedAt: new Date("2026-03-02T00:00:01.500Z"),
    period: { id: "prd_d", ...period },
    currency: "USD",
    scale: 2,
    configuration: { id: "cfg_e", version: 3, document },
    previousStatement: { id: "stm_b", sha256: "ab".repeat(32) },
  };
  return buildStatementDocument(header, totals, result);
}

/** The first of March in Seoul, a day or the first part of a month. */
function spanOf({ cycle }: ConfigurationDocument): PeriodSpan {
  const [startsAt, endsAt] = [new Date("2026-02-28T15:00:00.000Z"), new Date("2026-03-01T15:00:00.000Z")];
  const cycleEndsAt = cycle.kind === "DAILY" ? endsAt : new Date("2026-03-31T15:00:00.000Z");
  return { startsAt, endsAt, cycleStartsAt: startsAt, cycleEndsAt, timezone: "Asia/Seoul" };
}

/** A statement as a reader has it, after one text in it was replaced by another. */
function altered(document: StatementDocument, from: string, to: string): unknown {
  const text = JSON.stringify(document);
  expect(text).toContain(from);
  return JSON.parse(text.replace(from, to));
}

test("what was carried into a window is known by its name of before too, and by no other", () => {
  const brackets = [{ upTo: "5000", rate: "0.25" }, { rate: "0.3" }];
  const share = { kind: "TIERED", mode: "SLAB", window: "MONTH", brackets };
  const document = parseConfiguration({ ...example("config-daily-12pct"), share });
  const item = (name: StateName, key: string, value: string) => ({ name, scope: "", key, value: exact(value) });
  const state = [item(StateName.WINDOW_BASE, "2026-03", "400000"), item(StateName.WINDOW_CARRY, "2026-03/", "-100000")];
  const written = statement(totalsOf(ACTIVITY), { state, document });
  const line = written.lines.find(({ code }) => code === "WINDOW_CARRY_IN");
  expect([line?.result, written.carryIn]).toEqual(["-1000.00", "0.00"]);
  const before = altered(written, '"WINDOW_CARRY_IN"', '"CARRY_IN"') as StatementDocument;
  const told = "Negative amount carried in from the statement before";
  expect(recomputeStatement(altered(before, line?.description ?? "", told))).toEqual([]);
  expect(recomputeStatement(before)).toEqual([expect.stringMatching(/description states/)]);
});

test("the published schema is what the code reads, and accepts what it writes", async () => {
  await expect(`${JSON.stringify(statementJsonSchema(), null, 2)}\n`).toMatchFileSnapshot(
    "../../schema/statement.schema.json",
  );
  const ajv = new Ajv2020({ strict: true, formats: { "date-time": true } });
  expect(ajv.validate(statementJsonSchema(), statement(totalsOf(ACTIVITY)))).toBe(true);
  expect(ajv.validate(statementJsonSchema(), { ...statement([]), added: "later" })).toBe(true);
});

describe("a statement's document", () => {
  const document = statement(totalsOf(ACTIVITY), { carryIn: exact("-1000/3"), openingMinor: -150_000n });

  test("says who, when, by which terms and after which statement", () => {
    expect(document).toMatchObject({
      v: 1,
      iss: "tnt_a",
      sub: "ptn_b",
      jti: "stm_c",
      iat: 1_772_409_601,
      period: { start: "2026-02-28T15:00:00.000Z", end: "2026-03-01T15:00:00.000Z", timezone: "Asia/Seoul" },
      configuration: { id: "cfg_e", version: 3, sha256: configurationSha256(DAILY), document: DAILY },
      previousStatement: { id: "stm_b" },
      hasActivity: true,
    });
  });

  test("has amounts with the currency's decimals and exact values as decimals or n/d", () => {
    expect(document).toMatchObject({
      opening: "-1500.00",
      base: "63000.00",
      carryIn: "-10/3",
      carryOut: "0.00",
      earned: "7559.60",
      adjustments: "0.00",
      payable: "6059.60",
      closing: "0.00",
    });
    expect(document.lines.find(({ code }) => code === "SHARE")).toMatchObject({
      inputs: { rate: "0.12", base: "63000.00", carryIn: "-10/3" },
      result: "7559.60",
      amount: "7559.60",
    });
  });

  test("has one total for each kind, category and origin, whatever brands they came from", () => {
    const twice = [...totalsOf({ WIN: 5, BET: 10 }), ...totalsOf({ BET: 7 }), ...totalsOf({ BET: 1 }, "prd_a")];
    expect(statement(twice).totals).toEqual([
      { kind: "BET", category: "", originPeriodId: null, count: 2, units: "0", sum: "17.00" },
      { kind: "BET", category: "", originPeriodId: "prd_a", count: 1, units: "0", sum: "1.00" },
      { kind: "WIN", category: "", originPeriodId: null, count: 1, units: "0", sum: "5.00" },
    ]);
  });

  test("adds up units and counts as well as sums", () => {
    const found = { kind: "ACQUISITION", category: "", originPeriodId: null, count: 2n, units: 40n, sumMinor: 0n };
    expect(statement([found, found]).totals).toEqual([
      { kind: "ACQUISITION", category: "", originPeriodId: null, count: 4, units: "80", sum: "0.00" },
    ]);
  });

  test("does not depend on the order of the totals", () => {
    const totals = [...totalsOf(ACTIVITY), ...totalsOf({ BET: 5, "FEE:PROVIDER": 3 }, "prd_a")];
    expect(canonicalJson(statement([...totals].reverse()))).toBe(canonicalJson(statement(totals)));
  });

  test("says so when nothing happened", () => {
    expect(statement([])).toMatchObject({ hasActivity: false, totals: [], earned: "0.00", closing: "0.00" });
  });
});

describe("recomputing", () => {
  const document = statement(totalsOf(ACTIVITY), { carryIn: exact("-1000/3"), openingMinor: -150_000n });

  test("finds nothing on a statement that is right", () => {
    fc.assert(
      fc.property(
        anyTotals,
        anyCarry,
        anyOpening,
        fc.constantFrom(DAILY, MONTHLY),
        (totals, carryIn, openingMinor, terms) => {
          const written = JSON.parse(canonicalJson(statement(totals, { carryIn, openingMinor, document: terms })));
          expect(recomputeStatement(written)).toEqual([]);
        },
      ),
    );
  });

  test("names an altered amount, line, total and term", () => {
    expect(recomputeStatement({ ...document, earned: "7559.61" })).toEqual([
      '/earned states "7559.61", computed is "7559.60"',
    ]);
    expect(recomputeStatement(altered(document, "rate * max(", "rate * min("))).toHaveLength(1);
    const moreBets = recomputeStatement(altered(document, '"sum":"1250000.00"', '"sum":"1250000.01"'));
    expect(moreBets).toContainEqual(expect.stringMatching(/^\/base states "63000.00"/));
    expect(recomputeStatement({ ...document, lines: document.lines.slice(1) })).toEqual([
      expect.stringMatching(/^\/lines has /),
    ]);
  });

  test("names altered terms, with or without their digest", () => {
    const [terms, better] = [document.configuration, altered(document, '"rate":"0.12"}', '"rate":"0.13"}')];
    expect(recomputeStatement(better)).toEqual(["/configuration/sha256 is not the digest of the document"]);
    const dearer = parseConfiguration({ ...example("config-daily-12pct"), share: { kind: "FLAT", rate: "0.13" } });
    const configuration = { ...terms, document: dearer, sha256: configurationSha256(dearer) };
    expect(recomputeStatement({ ...document, configuration })).toContainEqual(expect.stringMatching(/^\/payable /));
  });

  test("answers what cannot be computed with, and never throws", () => {
    const unsupported = { ...DAILY, rules: { format: "JDM", content: {} } };
    const configuration = { ...document.configuration, document: unsupported };
    const carriedInto = (value: string) => {
      const opening = [{ name: "CARRY", scope: "", key: "", value }];
      return { ...document, state: { ...document.state, opening } };
    };
    const cases: readonly (readonly [unknown, RegExp])[] = [
      [null, /^\/ is refused/],
      [{ ...document, closing: "1e3" }, /^\/closing is refused/],
      [{ ...document, scale: 3 }, /^\/scale is not that of USD/],
      [carriedInto("0.01"), /^\/state\/opening\/0/],
      [carriedInto("1/0"), /^\/state\/opening\/0/],
      [{ ...document, period: { ...document.period, timezone: "Mars/Olympus" } }, /^\/period /],
      [{ ...document, period: { ...document.period, cycleEnd: document.period.start } }, /^\/period is not a part/],
      [{ ...document, opening: "0.001" }, /^\/opening /],
      [{ ...document, totals: [{ ...document.totals[0], kind: "TIP" }] }, /^\/totals has TIP/],
      [{ ...document, configuration }, /^\/configuration\/document: .*\/rules/],
      [{ ...document, configuration: { ...document.configuration, document: { name: "\ud800" } } }, /^\/configuration/],
    ];
    for (const [stated, reason] of cases) expect(recomputeStatement(stated)[0]).toMatch(reason);
  });
});
