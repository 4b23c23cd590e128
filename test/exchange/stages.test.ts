import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { expect, test } from "vitest";
import { ItemOutcome, type Outcome } from "../../src/exchange/posting/rules.js";
import { releaseQuarantined } from "../../src/exchange/quarantine/service.js";
import { batchCounts, itemCounts } from "../../src/exchange/stages/rules.js";
import { submitBatch } from "../../src/exchange/submission/service.js";
import type { ItemResult } from "../../src/exchange/validate.js";
import { CodedError, ErrorCode } from "../../src/kernel/errors.js";
import { testApp } from "../support/app.js";
import { bet, openExchange, payloadOf, post, sign, submit } from "../support/batches.js";
import { EVERY_BATCH, enforce } from "../threat/place.js";

const app = await testApp();
const STAGES = ["format", "signature", "schema", "threat", "duplicate", "business"];
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
  const [before, timedBefore] = [await figures(), await timings()];
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
  expect(await countedSince(before)).toEqual([
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
  const timed = await timings();
  for (const stage of STAGES) {
    const [times = 0, seconds = 0] = timed.get(stage) ?? [];
    const [timesBefore = 0, secondsBefore = 0] = timedBefore.get(stage) ?? [];
    expect([stage, times > timesBefore, seconds > secondsBefore]).toEqual([stage, true, true]);
  }
});

test("a batch that is read in a thread counts and is timed as one that is not", async () => {
  const place = await openExchange(app);
  const transactions = Array.from({ length: 5_000 }, () => bet());
  const jws = await sign(payloadOf(app, place, { transactions }), place.key);
  expect(jws.length).toBeGreaterThan(512 * 1024);
  const forged = `${jws.slice(0, -8)}AAAAAAAA`;
  const [before, timedBefore] = [await figures(), await timings()];
  await submitBatch(app, place.actor, { jws, waitMs: 0 });
  await expect(submitBatch(app, place.actor, { jws: forged, waitMs: 0 })).resolves.toMatchObject({ replayed: true });
  const other = await sign(payloadOf(app, place, { transactions }), place.key);
  await expect(
    submitBatch(app, place.actor, { jws: `${other.slice(0, -8)}AAAAAAAA`, waitMs: 0 }),
  ).rejects.toMatchObject({ code: "SIGNATURE_INVALID" });
  expect(await countedSince(before)).toEqual([
    "batch duplicate passed 2",
    "batch duplicate repeated 1",
    "batch format passed 3",
    "batch schema passed 1",
    "batch signature passed 1",
    "batch signature refused SIGNATURE_INVALID 1",
    "batch threat passed 1",
  ]);
  const timed = await timings();
  for (const stage of ["format", "signature", "threat", "duplicate"]) {
    expect([stage, (timed.get(stage)?.[0] ?? 0) > (timedBefore.get(stage)?.[0] ?? 0)]).toEqual([stage, true]);
  }
});

test("a batch that is set aside counts as quarantined, and its items when it is released and posted", async () => {
  const place = await openExchange(app);
  await enforce(app, place.home.actor, [EVERY_BATCH]);
  const before = await figures();
  const { batch } = await submit(app, place, { transactions: [bet(), bet()] });
  expect(batch.state).toBe("QUARANTINED");
  await post(app, place);
  expect(await countedSince(before)).toEqual([
    "batch duplicate passed 1",
    "batch format passed 1",
    "batch schema passed 1",
    "batch signature passed 1",
    "batch threat quarantined 1",
  ]);
  await releaseQuarantined(app, place.home.actor, { batchId: batch.id, reason: "known" });
  while (!(await post(app, place)).isDrained) await sleep(5);
  expect((await countedSince(before)).filter((line) => line.startsWith("item"))).toEqual([
    "item business passed 2",
    "item duplicate passed 2",
    "item schema passed 2",
  ]);
});

/** What was counted since, as `subject stage result code count`. */
async function countedSince(before: ReadonlyMap<string, number>): Promise<string[]> {
  const counted = [...(await figures())].flatMap(([name, value]) => {
    const by = value - (before.get(name) ?? 0);
    return by === 0 ? [] : [`${name} ${by}`];
  });
  return counted.sort();
}

/** How often each stage was timed, and the seconds of all of them, as the text of the metrics says it. */
async function timings(): Promise<Map<string, [number, number]>> {
  const text = await app.metrics.registry.metrics();
  const value = (name: string, stage: string) =>
    Number(new RegExp(`quittance_validation_seconds_${name}\\{stage="${stage}"\\} (\\S+)`).exec(text)?.[1] ?? 0);
  return new Map(STAGES.map((stage) => [stage, [value("count", stage), value("sum", stage)]]));
}

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
