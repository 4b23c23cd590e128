import { expect, test } from "vitest";
import { CodedError, refusalRecord } from "../../src/kernel/errors.js";
import { parseConfiguration } from "../../src/settlement/document.js";
import { readConfiguration, readRule } from "../../src/settlement/document-reading/service.js";
import { tryRule } from "../../src/settlement/rulings/service.js";
import { facts, type Row, ruled, table } from "../support/rules.js";

/** As long as rules may be: five hundred rows of three tests each. */
function longRule(last: Row = ["", "", "", '"0.1"']): Record<string, unknown> {
  const rows = Array.from({ length: 499 }, (_, row): Row => [`> ${row}`, `< ${row}`, `[${row}..${row + 1}]`, '"0.2"']);
  return ruled(table({ inputs: ["ggr", "base", "turnover"], outputs: ["rate"], rows: [...rows, last] }));
}

/** Whether others had their turn before something answered. */
async function letsOthers(work: () => Promise<unknown>): Promise<boolean> {
  let hadTurn = false;
  setImmediate(() => {
    hadTurn = true;
  });
  await work();
  return hadTurn;
}

async function refusalOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => null,
    (error: unknown) => (error instanceof CodedError ? refusalRecord(error) : error),
  );
}

test("a document with a full-size rule is checked while others have their turn, to the same document", async () => {
  const document = longRule();
  expect(
    await letsOthers(async () => expect(await readConfiguration(document)).toEqual(parseConfiguration(document))),
  ).toBe(true);
  const { rules } = document as { rules: unknown };
  expect(
    await letsOthers(async () =>
      expect(await readRule(rules, { categories: new Set(), groups: new Set() })).toEqual(rules),
    ),
  ).toBe(true);
  const trial = await tryRule({ rules, facts: [facts({ ggr: "0.00", base: "5.00" })] });
  expect(trial.outcomes).toMatchObject([{ rate: "0.1", fired: [{ row: 500 }] }]);
});

test("and refused there as it is here, to the last problem", async () => {
  const wrong = longRule(["> then", "", "", "0.1"]);
  const here = await refusalOf(Promise.resolve().then(() => parseConfiguration(wrong)));
  expect(here).toMatchObject({ code: "VALIDATION" });
  expect(await refusalOf(readConfiguration(wrong))).toEqual(here);
});
