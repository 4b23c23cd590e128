import { beforeAll, describe, expect, test } from "vitest";
import { recomputeStatement } from "../../src/settlement/recompute.js";
import type { StatementDocument } from "../../src/settlement/statement-schema.js";
import { LINE_CODES } from "../../src/settlement/terms/lines.js";
import { areFaultyElsewhere, faultsElsewhere, hasPython, seededMonth } from "./seeded-statements.js";
import { tampersOf } from "./tampering.js";

/** How many altered statements are looked at together, here and elsewhere at once. */
const TOGETHER = 500;
/** Some five thousand take half a minute: the ordinary run looks at every fourth, `npm run test:long` at all. */
const SAMPLED_ONE_OF = 4;
const IS_LONG = process.env["QUITTANCE_LONG"] === "1";
/**
 * What a statement says that nothing else on it follows from: whoever altered it is found by the signature, or as no
 * link of its chain. All else that is altered has to be found by making the statement again.
 */
const FOUND_OTHERWISE: readonly RegExp[] = [
  /^\/(iss|sub|jti|iat|currency|period\/id) changed$/,
  /^(\/origins\/\*)?\/configuration\/(id|version) changed$/,
  /^\/origins\/\*\/statement\/(id|sha256) changed$/,
  /^\/corrections\/\*\/(reason|statement\/(id|sha256)|lines\/\*|disputeSha256) (changed|removed|doubled)$/,
  // how many, and whose, of what no fee, rule, override or ring-fence of the month asks
  /\/(totals|late)\/[^/]+\/(count|units|originPeriodId|brand|product|productCategory|player) (changed|given|removed|added)$/,
  /^\/credit\/lots\/\*\/priority changed$/, // to one that leaves the order of drawing as it is
  // of a fee or an adjustment, to one that nobody asks for either
  /\/totals\/(FEE|ADJUSTMENT|\*)(:late)?\/category changed$/,
];

describe.skipIf(!hasPython)("a separate program, in another language", () => {
  let month: readonly StatementDocument[] = [];

  beforeAll(() => {
    month = seededMonth().flat();
  });

  test("makes every statement of a seeded month again, to the last member, as we do", () => {
    const used = new Set(month.flatMap(({ lines }) => lines.map(({ code }) => code)));
    expect(LINE_CODES.filter((code) => !used.has(code))).toEqual([]);
    expect(month.filter(({ origins = [] }) => origins.length > 0).length).toBeGreaterThan(31);
    expect(month.flatMap(recomputeStatement)).toEqual([]);
    expect(faultsElsewhere(month)).toEqual([]);
  }, 240_000);

  test("finds what is altered in them, whatever it is, and so do we", async () => {
    const all = [...tampersOf(month)];
    const tampers = all.filter((_, index) => IS_LONG || index % SAMPLED_ONE_OF === 0);
    expect(all.filter(([what]) => what.startsWith("/lines/")).length).toBeGreaterThan(LINE_CODES.length * 20);
    const unfound: typeof tampers = [];
    for (let at = 0; at < tampers.length; at += TOGETHER) {
      const some = tampers.slice(at, at + TOGETHER);
      const altered = some.flatMap(([, [first]]) => (first === undefined ? [] : [first()]));
      const elsewhere = areFaultyElsewhere(altered);
      const here = altered.map(isFaulty);
      const there = await elsewhere;
      expect(some.filter((_, index) => here[index] !== there[index]).map(([what]) => what)).toEqual([]);
      unfound.push(...some.filter((_, index) => !here[index]));
    }
    // a fact that one statement is not made of, such as a cost that its terms do not deduct, decides another
    const asked = unfound.filter(([what]) => !isFoundOtherwise(what));
    const decided = asked.map(([, alike]) => alike.map((altered) => altered()).find(isFaulty));
    expect(asked.filter((_, index) => decided[index] === undefined).map(([what]) => what)).toEqual([]);
    expect(await areFaultyElsewhere(decided)).toEqual(decided.map(() => true));
  }, 240_000);
});

function isFaulty(statement: unknown): boolean {
  return recomputeStatement(statement).length > 0;
}

function isFoundOtherwise(what: string): boolean {
  return FOUND_OTHERWISE.some((pattern) => pattern.test(what));
}
