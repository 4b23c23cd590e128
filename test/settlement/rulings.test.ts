import { spawnSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { ActType } from "../../src/acts/entities.js";
import { publicKeysForAllTenants } from "../../src/identity/platform-keys/service.js";
import type { Scope } from "../../src/kernel/actor.js";
import { CodedError } from "../../src/kernel/errors.js";
import { PeriodState } from "../../src/periods/entities.js";
import { recomputeStatement } from "../../src/settlement/recompute.js";
import { settle } from "../../src/settlement/runs/service.js";
import { linesOf, simulatedStatements, simulateSettlement } from "../../src/settlement/simulations/service.js";
import type { StatementDocument } from "../../src/settlement/statement-schema.js";
import { documentOf, statementOf, verifyStatement } from "../../src/settlement/statements/service.js";
import { testApi } from "../support/api.js";
import { testApp } from "../support/app.js";
import { example } from "../support/contracts.js";
import { ruled, table } from "../support/rules.js";
import { seedClient, seedTenant } from "../support/seeds.js";
import { activate, closeDue, openPlace, type Place, periods, type Reported, report, setGame } from "./place.js";

const app = await testApp();
const api = await testApi(app);

const PROGRAM = new URL("recompute.py", import.meta.url).pathname;
const hasPython = spawnSync("python3", ["--version"]).status === 0;
/** Seoul's day of 2 March. */
const [DAY_1, DAY_2] = ["2026-03-01T15:00:00.000Z", "2026-03-02T15:00:00.000Z"];
const NO_ANSWER = { rate: null, group: null, bonusCost: null };
const DAILY = { cycle: { kind: "DAILY" }, grace: "PT0S" };

async function open(document: object, changes: object = {}): Promise<Place> {
  app.clock.set(DAY_1);
  return openPlace(app, DAY_1, { document: JSON.parse(JSON.stringify(document)), ...changes });
}

async function reportAll(place: Place, reported: readonly Omit<Reported, "occurredAt">[]): Promise<void> {
  await report(
    app,
    place,
    reported.map((item) => ({ ...item, occurredAt: DAY_1 }) as Reported),
  );
  app.clock.set("2026-03-02T15:00:01.000Z");
}

async function categorize(place: Place, categories: Readonly<Record<string, string>>): Promise<void> {
  for (const [code, category] of Object.entries(categories)) {
    await setGame(app, place, { partnerId: place.partner.id, code, category });
  }
}

/** Settled by now, verified here and, where there is Python, elsewhere. */
async function settled(place: Place): Promise<StatementDocument> {
  const rows = await settle(app, place.shell, { partnerId: place.partner.id, through: new Date(DAY_2) });
  const jwks = { keys: await publicKeysForAllTenants(app) };
  const statement = await statementOf(app, place.actor, rows.at(-1)?.statementId ?? "");
  expect(verifyStatement(statement.jws, jwks)).toBeNull();
  const document = documentOf(statement);
  if (hasPython) {
    const { stdout, stderr } = spawnSync("python3", [PROGRAM], { input: JSON.stringify([document]) });
    expect([stdout.toString().trim(), stderr.toString()]).toEqual(["", ""]);
  }
  return document;
}

function linesFrom({ lines }: StatementDocument, ...codes: readonly string[]) {
  return lines.filter(({ code }) => codes.includes(code));
}

async function refusalOf(action: Promise<unknown>): Promise<CodedError> {
  const error: unknown = await action.then(
    () => null,
    (refusal: unknown) => refusal,
  );
  if (error instanceof CodedError) return error;
  throw new Error("nothing was refused");
}

describe("a rule that chooses by game type", () => {
  const bets = [
    { kind: "BET", product: "reels", amount: "90000.00" },
    { kind: "WIN", product: "reels", amount: "30000.00" },
    { kind: "BET", product: "roulette", amount: "30000.00" },
    { kind: "BET", product: "poker", amount: "1000.00" },
  ];

  test("slots at the rate of a row, live games by the tiers of their group, the rest by contract", async () => {
    const place = await open({ ...example("config-rules"), ...DAILY });
    await reportAll(place, bets);
    await categorize(place, { reels: "SLOTS", roulette: "LIVE", poker: "CARDS" });
    const statement = await settled(place);
    const facts = {
      currency: "USD",
      partnerKind: "GAME_PROVIDER",
      firstDay: "2026-03-02",
      year: 2026,
      month: 3,
      days: 1,
    };
    expect(linesFrom(statement, "RULE", "RULE_RATE").map(({ scope, result, rule }) => [scope, result, rule])).toEqual([
      [
        ...["category=CARDS", "0.00"],
        {
          facts: { ...facts, category: "CARDS", turnover: "1000.00", ggr: "1000.00", base: "1000.00" },
          ...{ answer: NO_ANSWER, fired: [{ node: "Rates", row: 5, id: "rest" }] },
        },
      ],
      [
        ...["category=LIVE", "0.00"],
        {
          facts: { ...facts, category: "LIVE", turnover: "30000.00", ggr: "30000.00", base: "30000.00" },
          ...{ answer: { ...NO_ANSWER, group: "LIVE" }, fired: [{ node: "Rates", row: 4, id: "live" }] },
        },
      ],
      [
        ...["category=SLOTS", "0.14"],
        {
          facts: { ...facts, category: "SLOTS", turnover: "90000.00", ggr: "60000.00", base: "60000.00" },
          ...{ answer: { ...NO_ANSWER, rate: "0.14" }, fired: [{ node: "Rates", row: 1, id: "big-slots" }] },
        },
      ],
    ]);
    expect(linesFrom(statement, "SHARE").map(({ scope, amount, term }) => [scope, amount, term])).toEqual([
      ["", "90.00", "/share"],
      ["case category=SLOTS", "8400.00", "/rules"],
      ["group=LIVE", "2800.00", "/overrides/0/share"],
    ]);
    expect(statement).toMatchObject({ earned: "11290.00", partnerKind: "GAME_PROVIDER" });
  });

  test("verification asks the rule again: an answer, a fact or a row that was altered is found", async () => {
    const place = await open({ ...example("config-rules"), ...DAILY });
    await reportAll(place, bets);
    const statement = await settled(place);
    const altered = (from: string, to: string) =>
      recomputeStatement(JSON.parse(JSON.stringify(statement).replace(from, to)));
    expect(altered('"row":5', '"row":4')).toHaveLength(1);
    expect(altered('"ggr":"91000.00"', '"ggr":"91000.01"')).toHaveLength(1);
    expect(altered('"group":null', '"group":"LIVE"')).not.toEqual([]);
    expect(altered('"partnerKind":"GAME_PROVIDER",', "")).not.toEqual([]);
  });

  test("what a case lost is carried for the case, through a day without activity", async () => {
    const rule = table({ outputs: ["rate"], rows: [['"0.5"']] });
    const place = await open({ ...ruled(rule, ["PRODUCT"]) });
    await reportAll(place, [
      { kind: "WIN", product: "reels", amount: "100.00" },
      { kind: "BET", product: "poker", amount: "40.00" },
    ]);
    const first = await settled(place);
    expect(first).toMatchObject({ earned: "20.00", carryOut: "-100.00" });
    expect(first.state.closing).toMatchObject([{ name: "CARRY", scope: "case product=reels", value: "-100.00" }]);
    app.clock.set("2026-03-03T16:00:00.000Z");
    await report(app, place, [
      { kind: "BET", product: "poker", amount: "10.00", occurredAt: "2026-03-03T15:30:00.000Z" },
    ]);
    app.clock.set("2026-03-04T16:00:00.000Z");
    await settle(app, place.shell, { partnerId: place.partner.id, through: new Date("2026-03-04T15:00:00.000Z") });
    const rows = await settle(app, place.shell, { partnerId: place.partner.id, through: app.clock.now() });
    const last = documentOf(await statementOf(app, place.actor, rows.at(-1)?.statementId ?? ""));
    expect(recomputeStatement(last)).toEqual([]);
    expect(last).toMatchObject({ earned: "5.00", carryOut: "-100.00" });
  });

  test("bonus cost that the rule lets off is not deducted", async () => {
    const rows = [
      ['"reels"', "false"],
      ["", ""],
    ];
    const rule = table({ inputs: ["product"], outputs: ["bonusCost"], rows });
    const base = {
      ...(example("config-daily-12pct")["base"] as object),
      deductions: [{ type: "BONUS", source: "TRANSACTIONS" }],
    };
    const place = await open({ ...ruled(rule, ["PRODUCT"]), base });
    await reportAll(place, [
      { kind: "BET", product: "reels", amount: "100.00" },
      { kind: "BONUS", product: "reels", amount: "30.00" },
      { kind: "BONUS", product: "poker", amount: "20.00" },
    ]);
    const statement = await settled(place);
    expect(linesFrom(statement, "DEDUCTION_BONUS").map(({ result }) => result)).toEqual(["20.00"]);
    expect(statement).toMatchObject({ base: "80.00", earned: "9.60" });
  });
});

describe("a rule that chooses a category", () => {
  const LIVE = [
    { for: { category: "LIVE" }, share: { kind: "FLAT", rate: "0.2" } },
    { for: { brand: "main" }, share: { kind: "FLAT", rate: "0.5" } },
    { for: { product: "poker" }, share: { kind: "FLAT", rate: "0.3" } },
  ];
  const rows = [['"reels"', '"LIVE"'], ['"poker"', '"LIVE"'], []];
  const rule = ruled(table({ inputs: ["product"], outputs: ["category"], rows }), ["PRODUCT"]);

  test("its terms hold in the place of the product's own, unless something narrower has terms", async () => {
    const place = await open({ ...rule, overrides: LIVE });
    await categorize(place, { reels: "SLOTS", poker: "CARDS", roulette: "LIVE", bingo: "BINGO" });
    await reportAll(
      place,
      ["reels", "poker", "roulette", "bingo"].map((product) => ({ kind: "BET", product, amount: "100.00" })),
    );
    const statement = await settled(place);
    expect(linesFrom(statement, "SHARE").map(({ scope, amount }) => [scope, amount])).toEqual([
      ["", "12.00"],
      ["category=LIVE", "40.00"],
      ["product=poker", "30.00"],
    ]);
    const answers = linesFrom(statement, "RULE").map(({ scope, term, rule }) => [scope, term, rule?.answer]);
    const none = { rate: null, group: null, bonusCost: null };
    expect(answers).toEqual([
      ["product=bingo", "/rules", none],
      ["product=poker", "/rules", { ...none, category: "LIVE" }],
      ["product=reels", "/rules", { ...none, category: "LIVE" }],
      ["product=roulette", "/rules", none],
    ]);
    const own = statement.totals.map(({ product, productCategory }) => [product, productCategory]);
    expect(own).toContainEqual(["reels", "SLOTS"]);
    const altered = (row: number, changes: object) => {
      const lines = statement.lines.map((line) => {
        const { rule: told, scope } = line;
        if (told === undefined || scope !== answers[row]?.[0]) return line;
        return { ...line, rule: { ...told, answer: { ...told.answer, ...changes } } };
      });
      return recomputeStatement(JSON.parse(JSON.stringify({ ...statement, lines })));
    };
    expect([altered(1, {}), altered(0, {})]).toEqual([[], []]);
    expect(altered(1, { category: undefined })).toEqual([expect.stringMatching(/answer\/category states nothing/)]);
    expect(altered(0, { category: "LIVE" })).toEqual([expect.stringMatching(/answer\/category states "LIVE"/)]);
  });
});

describe("a rule that chooses at what value the stakes of free rounds count", () => {
  test("domain 4 by product: at face value they join bets and what they won wins, else as the base says", async () => {
    const rows = [['"reels"', '"FACE_VALUE"'], ['"poker"', '"ZERO"'], []];
    const rule = table({ inputs: ["product"], outputs: ["freeRoundStake"], rows });
    const base = {
      ...(example("config-daily-12pct")["base"] as object),
      ...{ measure: "NGR", deductions: [{ type: "BONUS", source: "TRANSACTIONS" }] },
    };
    const share = { kind: "FLAT", rate: "0.1" };
    const place = await open({ ...ruled(rule, ["PRODUCT"]), base, share });
    await reportAll(
      place,
      ["reels", "poker", "bingo"].flatMap((product) => [
        { kind: "BET", product, amount: "100.00" },
        { kind: "BONUS_BET", product, amount: "20.00" },
        { kind: "BONUS_WIN", product, amount: "7.00" },
      ]),
    );
    const statement = await settled(place);
    const turnovers = linesFrom(statement, "TURNOVER", "WINS", "GGR", "DEDUCTION_BONUS");
    expect(turnovers.map(({ code, result, term }) => [code, result, term])).toEqual([
      ["TURNOVER", "320.00", "/rules"],
      ["WINS", "7.00", "/rules"],
      ["GGR", "313.00", "/base/measure"],
      ["DEDUCTION_BONUS", "34.00", "/base/deductions/0"], // won 7 and 7, staked 20
    ]);
    expect(statement).toMatchObject({ base: "279.00", earned: "27.90" }); // NGR is the same either way
  });
});

describe("a rule without an answer", () => {
  const rule = table({ inputs: ["ggr"], outputs: ["rate"], rows: [["> 100", '"0.1"']] });

  test("stops that partner before its period is closed, says why once, and a better version settles it", async () => {
    const place = await open(ruled(rule));
    const other = await openPlace(app, DAY_1, { document: ruled(rule), home: place.home });
    await reportAll(place, [{ kind: "BET", amount: "100.00" }]);
    await reportAll(other, [{ kind: "BET", amount: "200.00" }]);
    for (const each of [place, place, other]) await closeDue(app, each);
    expect((await settled(other)).earned).toBe("20.00");
    expect(await periods(app, place, PeriodState.CLOSED)).toEqual([]);
    const acts: { detail: string }[] = await app.database.query(
      "select detail from act where tenant_no = ? and type = ?",
      [place.tenant.no, ActType.SETTLEMENT_STOPPED],
    );
    expect(acts).toHaveLength(1);
    expect(acts[0]?.detail).toContain("gives no answer about the whole: t: no row fires.");
    const refusal = await refusalOf(settled(place));
    expect(refusal).toMatchObject({ code: "RULE_FAILED", retryable: false });
    await activate(app, place, example("config-daily-12pct"), DAY_1);
    expect((await settled(place)).earned).toBe("12.00");
  });

  test("is shown by a simulation for the partner whom it does not fit, and writes nothing", async () => {
    const place = await open(example("config-daily-12pct"));
    await reportAll(place, [{ kind: "BET", amount: "100.00" }]);
    await settled(place);
    const [period] = await periods(app, place);
    const ask = { periodId: period?.id ?? "", document: ruled(rule) };
    const failed = await simulateSettlement(app, place.shell, ask);
    expect(JSON.parse(failed.refusals)).toMatchObject([{ partnerId: place.partner.id, code: "RULE_FAILED" }]);
    const better = table({
      inputs: ["ggr"],
      outputs: ["rate"],
      rows: [
        ["> 100", '"0.1"'],
        ["", '"0.2"'],
      ],
    });
    const simulation = await simulateSettlement(app, place.shell, { ...ask, document: ruled(better) });
    const { rows } = await simulatedStatements(app, simulation, { first: 10 });
    expect(rows.map(({ earnedBeforeMinor, earnedAfterMinor }) => [earnedBeforeMinor, earnedAfterMinor])).toEqual([
      [1200n, 2000n],
    ]);
    const chosen = rows.flatMap(linesOf).find(({ code }) => code === "RULE_RATE");
    expect(chosen).toMatchObject({ before: null, after: { rule: { answer: { rate: "0.2" }, fired: [{ row: 2 }] } } });
  });
});

describe("trying a rule", () => {
  const TRY = `query ($input: TryRuleInput!) {
    tryRule(input: $input) {
      outcomes { rate category group bonusCost freeRoundStake fired { node row id } fault } warnings
    }
  }`;

  async function tryRule(input: object, scopes: readonly Scope[] = ["configs:draft"]) {
    const client = await seedClient(app, (await seedTenant(app)).actor, null, scopes);
    const { data, errors = [] } = await api.ask({ query: TRY, variables: { input }, token: await client.token() });
    return { data, refusals: errors.map(({ message, extensions }) => [extensions["code"], message]) };
  }

  test("answers case by case which row fires, or why none does", async () => {
    const rows = [
      ["> 100", '"0.1"'],
      ["< 0", '"0.3"'],
    ];
    const { rules } = ruled(table({ inputs: ["ggr"], outputs: ["rate"], rows }));
    const { data, refusals } = await tryRule({ rules, facts: [{ ggr: "100.01" }, { ggr: "-5" }, { ggr: "5.00" }] });
    expect(refusals).toEqual([]);
    const none = { ...NO_ANSWER, category: null, freeRoundStake: null, fault: null };
    expect(data).toEqual({
      tryRule: {
        outcomes: [
          { ...none, rate: "0.1", fired: [{ node: "t", row: 1, id: "r1" }] },
          { ...none, rate: "0.3", fired: [{ node: "t", row: 2, id: "r2" }] },
          {
            ...{ ...none, fired: [] },
            fault: "The rule of the configuration gives no answer about the whole: t: no row fires.",
          },
        ],
        warnings: [expect.stringMatching(/^\/rules\/content\/nodes\/1\/content\/rules has no last row/)],
      },
    });
  });

  test("chooses among the categories that are named with it", async () => {
    const rows = [['"reels"', '"LIVE"', '"FACE_VALUE"'], []];
    const { rules } = ruled(table({ inputs: ["product"], outputs: ["category", "freeRoundStake"], rows }), ["PRODUCT"]);
    const facts = [{ product: "reels" }, { product: "poker" }];
    const { data } = await tryRule({ rules, categories: ["LIVE"], facts });
    expect(data).toMatchObject({
      tryRule: {
        outcomes: [
          { category: "LIVE", freeRoundStake: "FACE_VALUE", fault: null },
          { category: null, freeRoundStake: null, fault: null },
        ],
      },
    });
    const { refusals } = await tryRule({ rules, facts });
    expect(refusals).toEqual([["VALIDATION", expect.stringContaining("is not a category that an override has terms")]]);
  });

  test("refuses what is no rule, facts that it is not told or lacks, and those who may not draft", async () => {
    const { rules } = ruled(table({ inputs: ["ggr"], outputs: ["rate"], rows: [["", '"0.1"']] }));
    const { rules: wrong } = ruled(table({ inputs: ["ggr"], outputs: ["rate"], rows: [["> 'x'", '"0.1"']] }));
    const refused = async (input: object) => (await tryRule(input)).refusals;
    expect(await refused({ rules: wrong, facts: [{ ggr: "1" }] })).toEqual([
      ["VALIDATION", expect.stringContaining("cannot be computed of facts of these types")],
    ]);
    expect(await refused({ rules, facts: [{ ggr: 1 }] })).toEqual([["VALIDATION", "The fact ggr is not of its type."]]);
    expect(await refused({ rules, facts: [{ ggr: "1", product: "x" }] })).toEqual([
      ["VALIDATION", "There is a fact that this rule is not told."],
    ]);
    const { rules: needy } = ruled(table({ inputs: ["ggr"], outputs: ["rate"], rows: [["> 1", '"0.1"']] }));
    expect(await refused({ rules: needy, facts: [{}] })).toEqual([
      ["VALIDATION", "The rule is told ggr, which is not among the facts."],
    ]);
    const { refusals } = await tryRule({ rules, facts: [{ ggr: "1" }] }, ["settlements:read"]);
    expect(refusals).toEqual([["FORBIDDEN", expect.any(String)]]);
  });
});
