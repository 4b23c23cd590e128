import { ZenEngine } from "@gorules/zen-engine";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CodedError } from "../../src/kernel/errors.js";
import { parseConfiguration } from "../../src/settlement/document.js";
import { warningsOf } from "../../src/settlement/document-checks.js";
import { example } from "../support/contracts.js";
import { facts, type Row, ruled, ruleOn, table } from "../support/rules.js";

const terms = example("config-rules");

describe("what a rule answers", () => {
  test.each([
    ["SLOTS", "50000.01", 3, { rate: "0.14" }, "big-slots"],
    ["SLOTS", "50000.00", 3, { rate: "0.12" }, "slots"],
    ["LIVE", "0.00", 12, { rate: "1/12" }, "live-winter"],
    ["LIVE", "-5.00", 3, { group: "LIVE" }, "live"],
    ["", "0.00", 3, {}, "rest"],
  ])("the first row that fires: %s, %s, month %i", (category, ggr, month, answer, id) => {
    const ruling = ruleOn(terms, { category, ggr, month });
    expect(ruling).toMatchObject({ answer, fired: [{ node: "Rates", id }] });
  });

  test("nodes lead on: what one computes, the next decides by, on the way that a switch chooses", () => {
    const document = ruled({
      nodes: [
        { id: "in", name: "in", type: "inputNode" },
        {
          ...{ id: "x", name: "x", type: "expressionNode" },
          content: {
            expressions: [
              { id: "1", key: "isBig", value: "turnover >= 100 and not (ggr in [-5..5])" },
              { id: "2", key: "size", value: "$.isBig ? 'fat' : 'thin'" },
            ],
            passThrough: true,
          },
        },
        {
          ...{ id: "s", name: "s", type: "switchNode" },
          content: {
            statements: [
              { id: "yes", condition: "size == 'fat'" },
              { id: "no", condition: "" },
            ],
          },
        },
        table({ id: "fat", outputs: ["rate"], rows: [['"0.2"']] }),
        table({
          id: "thin",
          inputs: ["isBig", "ggr"],
          outputs: ["rate"],
          rows: [
            ["false", "< 0", '"0"'],
            ["", "", '"0.1"'],
          ],
        }),
        { id: "out", name: "out", type: "outputNode" },
      ],
      edges: [
        { id: "1", sourceId: "in", targetId: "x" },
        { id: "2", sourceId: "x", targetId: "s" },
        { id: "3", sourceId: "s", targetId: "fat", sourceHandle: "yes" },
        { id: "4", sourceId: "s", targetId: "thin", sourceHandle: "no" },
        { id: "5", sourceId: "fat", targetId: "out" },
        { id: "6", sourceId: "thin", targetId: "out" },
      ],
    });
    const answers = ["6.00", "5.00", "-1.00"].map((ggr) => ruleOn(document, { turnover: "100.00", ggr }));
    expect(answers.map((ruling) => [ruling.answer.rate, ruling.fired[0]?.node, ruling.fired[0]?.row])).toEqual([
      ["0.2", "fat", 1],
      ["0.1", "thin", 2],
      ["0", "thin", 1],
    ]);
  });

  test.each<[string, Row[], Parameters<typeof facts>[0], RegExp]>([
    ["no row fires", [["> 5", '"0.1"']], { ggr: "5.00" }, /no row fires/],
    ["a number for a rate", [["", "month"]], {}, /rate is not text/],
    ["a text that is no rate", [["", "currency"]], {}, /rate is not text/],
    ["an amount of more digits than numbers hold", [["", '"0.1"']], { ggr: "12345678901234.56" }, /15 digits/],
  ])("stops with a reason: %s", (_, rows, stated, reason) => {
    const document = ruled(table({ inputs: ["ggr"], outputs: ["rate"], rows }));
    const refusal = refusalOf(() => ruleOn(document, stated));
    expect(refusal).toMatchObject({ code: "RULE_FAILED", message: expect.stringMatching(reason) });
  });

  test("a row in which something cannot be computed stops it, where the engine alone would pass over it", async () => {
    const size = { id: "1", key: "size", value: "ggr > 5 ? month : 'small'" };
    const sizes = { id: "x", name: "x", type: "expressionNode", content: { expressions: [size] } };
    const rows: Row[] = [
      ["> 2", '"0.5"'],
      ["", '"0.1"'],
    ];
    const [first, , last] = contentOf(ruled(table({ outputs: ["rate"], rows: [['"0"']] }))).nodes;
    const nodes = [first, sizes, table({ inputs: ["size"], outputs: ["rate"], rows }), last];
    const document = ruled({ nodes, edges: edges("in", "x", "t", "out") });
    expect(ruleOn(document, { ggr: "6.00" }).answer.rate).toBe("0.5");
    expect(await engineAnswer(document, { ggr: 5, month: 3 })).toEqual({ rate: "0.1" });
    const refusal = refusalOf(() => ruleOn(document, { ggr: "5.00" }));
    expect(refusal).toMatchObject({ code: "RULE_FAILED", message: expect.stringMatching(/t: row 1 cannot be/) });
  });

  test.each(["group", "category"])("a %s that no override has terms for stops it, however it came about", (name) => {
    const document = ruled(table({ inputs: [], outputs: [name], rows: [["currency"]] }));
    expect(refusalOf(() => ruleOn(document, {})).message).toContain(
      `${name} is not one that an override has terms for`,
    );
  });

  test("a category that an override has terms for, or none, is chosen; its own is no choice", () => {
    const share = { kind: "FLAT", rate: "0.2" };
    const chosen = (category: string, cells: Row[]) => {
      const rule = ruled(table({ inputs: ["category"], outputs: ["category"], rows: cells }), ["CATEGORY"]);
      const document = { ...rule, overrides: [{ for: { category: "LIVE" }, share }] };
      return ruleOn(document, { category }).answer.category;
    };
    const rows: Row[] = [['"SLOTS"', '"LIVE"'], ['"CARDS"', '""'], ['"POKER"'], ["", "category"]];
    expect(["SLOTS", "CARDS", "POKER", "BINGO", "LIVE"].map((own) => chosen(own, rows))).toEqual([
      ...["LIVE", "", null],
      ...[null, null],
    ]);
  });

  test("the value of a free round's stake is one of two words, however it came about", () => {
    const answer = (cell: string, stated = {}) => {
      return ruleOn(ruled(table({ outputs: ["freeRoundStake"], rows: [[cell]] })), stated).answer.freeRoundStake;
    };
    expect([answer('"ZERO"'), answer('month > 2 ? "FACE_VALUE" : "ZERO"')]).toEqual(["ZERO", "FACE_VALUE"]);
    expect(refusalOf(() => answer("currency")).message).toMatch(/freeRoundStake is neither ZERO nor FACE_VALUE/);
  });
});

describe("the engine", () => {
  let engine: ZenEngine;
  beforeAll(() => {
    engine = new ZenEngine();
  });
  afterAll(() => engine.dispose());

  test("answers a table as we do, row by row, wherever every cell can be computed", async () => {
    const bound = fc.integer({ min: -20, max: 20 }).map(String);
    const test = fc.oneof(
      fc.constant(""),
      fc.tuple(fc.constantFrom("<", "<=", ">", ">=", "==", "!="), bound).map((parts) => parts.join(" ")),
      fc.tuple(bound, bound).map(([low, high]) => `[${low}..${high})`),
      fc.tuple(bound, bound).map(([one, other]) => `${one}, ${other}`),
      bound.map((least) => `$ > ${least} and $ < 15`),
    );
    const name = fc.constantFrom("", '"SLOTS"', '"LIVE", "CARDS"', '!= "LIVE"', 'startsWith($, "S")', "category");
    const row = fc.tuple(test, name, fc.constantFrom('"0.1"', '"1/3"', 'month > 6 ? "0.2" : "0.3"', ""));
    const told = fc.record({
      ggr: fc.integer({ min: -2_000, max: 2_000 }).map((cents) => (cents / 100).toFixed(2)),
      category: fc.constantFrom("SLOTS", "LIVE", "CARDS", ""),
      month: fc.integer({ min: 1, max: 12 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 6 }), told, async (rows, stated) => {
        const whole: Row[] = [...rows, ["", "", '"0.9"']];
        const document = ruled(table({ inputs: ["ggr", "category"], outputs: ["rate"], rows: whole }), ["CATEGORY"]);
        const ruling = ruleOn(document, stated);
        const { result, trace } = await engine
          .createDecision(contentOf(document))
          .evaluate({ ...facts(stated), ggr: Number(stated.ggr) }, { trace: true });
        expect(ruling.answer.rate).toBe(result.rate ?? null);
        expect(trace?.["t"]?.traceData).toMatchObject({ index: (ruling.fired[0]?.row ?? 0) - 1 });
      }),
      { numRuns: 300 },
    );
  });
});

describe("what is refused before anybody is settled by it", () => {
  const one = (input: string, output: string, field = "ggr") =>
    ruled(table({ inputs: [field], outputs: ["rate"], rows: [[input, output]] }));
  const nodes = (change: (nodes: Record<string, unknown>[]) => unknown[], edges?: unknown[]) => {
    const document = one("", '"0.1"');
    const content = contentOf(document);
    const changed = { ...content, nodes: change(content.nodes as Record<string, unknown>[]) };
    return { ...document, rules: { format: "JDM", content: edges === undefined ? changed : { ...changed, edges } } };
  };
  const cell = "/rules/content/nodes/1/content/rules/0";

  test.each<[string, unknown, string]>([
    ["random numbers", one("", "upper(rand(1))"), `${cell}/o0 uses rand(), which rules do not have`],
    ["the clock", one("d().month() == 1", '"0.1"', ""), `${cell}/i0 uses d(), which rules do not have`],
    ["loops", one("all([1..9], # > 0)", '"0.1"', ""), `${cell}/i0 has a sign that rules do not use`],
    [
      "ranges that are counted",
      one("len([1..999999999]) > 0", '"0.1"', ""),
      `${cell}/i0 has a range beside a function`,
    ],
    ["what hides", one("", "'\\' + rand(1) + '"), `${cell}/o0 has a sign that rules do not use`],
    ["comments", one("", '"0.1" // rand(1)'), `${cell}/o0 has a sign that rules do not use`],
    ["templates", one("", "`0.1`"), `${cell}/o0 has a sign that rules do not use`],
    [
      "the engine's own names",
      one("", "$root"),
      `${cell}/o0 names $root, which is not known here; text stands in quotes`,
    ],
    [
      "text without quotes",
      one("SLOTS", '"0.1"'),
      `${cell}/i0 names SLOTS, which is not known here; text stands in quotes`,
    ],
    [
      "facts that are not told",
      one('"x"', '"0.1"', "product"),
      "/rules/content/nodes/1/content/inputs/0/field is not known here",
    ],
    ["what is no expression", one("> > 5", '"0.1"'), `${cell}/i0 is not an expression`],
    ["a text where a number is", one("> 'many'", '"0.1"'), `${cell}/i0 cannot be computed of facts of these types`],
    ["a rate as a number", one("", "0.1"), `${cell}/o0 is not a rate as text, such as "0.12" or "1/3", in its quotes`],
    ["a rate above one", one("", '"12"'), `${cell}/o0 is not a rate as text, such as "0.12" or "1/3", in its quotes`],
    [
      "a group without terms",
      ruled(table({ inputs: [], outputs: ["group"], rows: [['"VIP"']] })),
      `${cell}/o0 is not a group that an override has terms for`,
    ],
    [
      "a category without terms",
      ruled(table({ inputs: [], outputs: ["category"], rows: [['"VIP"']] })),
      `${cell}/o0 is not a category that an override has terms for`,
    ],
    [
      "another value of free rounds' stakes",
      ruled(table({ inputs: [], outputs: ["freeRoundStake"], rows: [['"HALF"']] })),
      `${cell}/o0 is neither "ZERO" nor "FACE_VALUE"`,
    ],
    [
      "an answer of another name",
      ruled(table({ inputs: [], outputs: ["rate", "Rate"], rows: [['"0.1"', '"0.2"']] })),
      "/rules/content/nodes/1/content computes Rate, which is neither an answer (rate, category, group, bonusCost, " +
        "freeRoundStake) nor used",
    ],
    [
      "functions in JavaScript",
      nodes(([first, _, last]) => [first, { id: "t", name: "t", type: "functionNode", content: "" }, last]),
      "/rules/content/nodes/1/type is refused (Invalid discriminator value. Expected 'inputNode' | 'outputNode' | " +
        "'decisionTableNode' | 'expressionNode' | 'switchNode')",
    ],
    [
      "two answers at once",
      nodes((all) => all, [...edges("in", "t", "out"), { id: "z", sourceId: "in", targetId: "out" }]),
      "/rules/content/nodes/0 has no one way on (a switch: one for each statement)",
    ],
    [
      "a node that is not reached",
      nodes(
        (all) => [...all, { ...all[1], id: "u" }],
        [...edges("in", "t", "out"), { id: "z", sourceId: "u", targetId: "out" }],
      ),
      "/rules/content/nodes/3 is not reached",
    ],
    [
      "a circle",
      nodes(
        (all) => [...all, { ...all[1], id: "u" }, { ...all[1], id: "v" }],
        [
          ...edges("in", "t", "out"),
          { id: "y", sourceId: "u", targetId: "v" },
          { id: "z", sourceId: "v", targetId: "u" },
        ],
      ),
      "/rules/content/edges go round in a circle",
    ],
  ])("%s", (_, document, problem) => {
    expect(problemsOf(document)).toContainEqual(problem);
  });

  test("rows that never fire, and tables without a last row, are warned of", () => {
    const rows: Row[] = [
      ["> 5", '"0.1"'],
      ["> 5", '"0.2"'],
      ["", '"0.3"'],
      ["< 1", '"0.4"'],
    ];
    const document = parseConfiguration(ruled(table({ inputs: ["ggr"], outputs: ["rate"], rows })));
    const at = "/rules/content/nodes/1/content/rules";
    expect(warningsOf(document)).toEqual([
      `${at}/1 never fires: a row above it takes every case`,
      `${at}/3 never fires: a row above it takes every case`,
    ]);
    expect(warningsOf(parseConfiguration(one("> 5", '"0.1"')))).toEqual([
      `${at} has no last row for everything else: where none fires, the settlement stops`,
    ]);
    expect(warningsOf(parseConfiguration(terms)).filter((warning) => warning.startsWith("/rules"))).toEqual([]);
  });
});

function edges(...ids: readonly string[]) {
  return ids.slice(1).map((targetId, index) => ({ id: `e${index}`, sourceId: ids[index], targetId }));
}

function contentOf({ rules }: Record<string, unknown>): { readonly nodes: object[]; readonly edges: object[] } {
  return (rules as { content: { nodes: object[]; edges: object[] } }).content;
}

async function engineAnswer(document: Record<string, unknown>, context: object): Promise<unknown> {
  const engine = new ZenEngine();
  try {
    return (await engine.createDecision(contentOf(document)).evaluate(context)).result;
  } finally {
    engine.dispose();
  }
}

function problemsOf(document: unknown): unknown {
  return refusalOf(() => parseConfiguration(document)).details["problems"];
}

function refusalOf(work: () => unknown): CodedError {
  try {
    work();
  } catch (error) {
    if (error instanceof CodedError) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}
