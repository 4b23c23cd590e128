import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { expect, test } from "vitest";
import { ItemOutcome, type Outcome } from "../../src/exchange/posting/rules.js";
import { batchCounts, itemCounts } from "../../src/exchange/stages/rules.js";
import { submitBatch } from "../../src/exchange/submission/service.js";
import type { ItemResult } from "../../src/exchange/validate.js";
import { CodedError, ErrorCode } from "../../src/kernel/errors.js";
import { testApp } from "../support/app.js";
import { bet, openExchange, payloadOf, post, sign, submit } from "../support/batches.js";

const app = await testApp();
const SCHEMA_FAULT: ItemResult = { ok: false, id: null, code: ErrorCode.VALIDATION, path: "/", message: "" };

test("every item leaves the stages exactly once: refused, repeated, or passed by the last", () => {
  const outcome: fc.Arbitrary<Outcome> = fc.oneof(
    fc.constantFrom(...Object.values(ItemOutcome)).map((each) => ({ outcome: each })),
    fc.constantFrom(...Object.values(ErrorCode)).map((code) => ({ outcome: ItemOutcome.REFUSED, code })),
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(outcome, fc.boolean())), (drawn) => {
      const items = drawn.map(([, isFaulty]) => (isFaulty ? SCHEMA_FAULT : ({ ok: true } as ItemResult)));
      const outcomes = drawn.map(([each, isFaulty]) => (isFaulty ? { ...each, code: ErrorCode.VALIDATION } : each));
      const counts = itemCounts(items, outcomes);
      const left = counts.filter(({ stage, result }) => result !== "passed" || stage === "business");
      expect(left.reduce((sum, { count }) => sum + count, 0)).toBe(drawn.length);
      expect(counts.every(({ count }) => count > 0)).toBe(true);
    }),
  );
});

test.each([
  [ErrorCode.LIMIT_EXCEEDED, {}, "format"],
  [ErrorCode.SIGNATURE_INVALID, { check: "BASE64URL" }, "format"],
  [ErrorCode.IDEMPOTENCY_CONFLICT, {}, "duplicate"],
  [ErrorCode.SIGNATURE_INVALID, { check: "SIGNATURE" }, "signature"],
  [ErrorCode.KEY_UNKNOWN, {}, "signature"],
  [ErrorCode.VALIDATION, {}, "schema"],
  [ErrorCode.CLOCK_SKEW, {}, "schema"],
])("a batch that is refused with %s %j passed the stages before: %s", (code, details, stage) => {
  const order = ["format", "duplicate", "signature", "schema"];
  const counts = batchCounts(new CodedError(code, "", details));
  expect(counts.map((each) => each.stage)).toEqual(order.slice(0, order.indexOf(stage) + 1));
  expect(counts.at(-1)).toEqual({ stage, result: "refused", code, count: 1 });
});

test("the metrics count batches and items by stage, and time the stages", async () => {
  const place = await openExchange(app);
  const before = await figures();
  const jws = await sign(payloadOf(app, place), place.key);
  await submitBatch(app, place.actor, { jws, waitMs: 0 });
  expect((await submitBatch(app, place.actor, { jws, waitMs: 0 })).replayed).toBe(true);
  await expect(submitBatch(app, place.actor, { jws: `${jws}=`, waitMs: 0 })).rejects.toThrow("BASE64URL");
  const other = await sign(payloadOf(app, place), place.key);
  const forged = `${other.slice(0, other.lastIndexOf("."))}${jws.slice(jws.lastIndexOf("."))}`;
  await expect(submitBatch(app, place.actor, { jws: forged, waitMs: 0 })).rejects.toThrow("SIGNATURE");
  const known = bet();
  await submit(app, place, { transactions: [known, known, { ...known, amount: "2.00" }, bet({ currency: "EUR" })] });
  await submit(app, place, { transactions: [bet({ amount: "1,00" })] });
  while (!(await post(app, place)).isDrained) await sleep(5);
  const after = await figures();
  const counted = [...after].flatMap(([name, value]) => {
    const by = value - (before.get(name) ?? 0);
    return by === 0 ? [] : [`${name} ${by}`];
  });
  expect(counted.sort()).toEqual([
    "batch duplicate passed 4",
    "batch duplicate repeated 1",
    "batch format passed 5",
    "batch format refused SIGNATURE_INVALID 1",
    "batch schema passed 3",
    "batch signature passed 3",
    "batch signature refused SIGNATURE_INVALID 1",
    "batch threat passed 3",
    "item business passed 2",
    "item business refused CURRENCY_UNKNOWN 1",
    "item duplicate passed 3",
    "item duplicate refused DUPLICATE_MISMATCH 1",
    "item duplicate repeated 1",
    "item schema passed 5",
    "item schema refused VALIDATION 1",
  ]);
  for (const stage of ["format", "signature", "schema", "threat", "duplicate", "business"]) {
    expect(await app.metrics.registry.metrics()).toContain(`quittance_validation_seconds_count{stage="${stage}"}`);
  }
});

/** `subject stage result code` to its count. */
async function figures(): Promise<Map<string, number>> {
  const metrics = await app.metrics.registry.getMetricsAsJSON();
  const { values = [] } = metrics.find(({ name }) => name === "quittance_validation_total") ?? {};
  return new Map(
    values.map(({ labels, value }) => {
      const words = ["subject", "stage", "result", "code"].map((label) => String(labels[label] ?? ""));
      return [words.join(" ").trim(), Number(value)];
    }),
  );
}
