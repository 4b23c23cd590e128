import "reflect-metadata";
import fc from "fast-check";
import { expect, test } from "vitest";
import { isAgreedOn, isInSchema, PARTNER_KINDS, payloadWith, TENANT_KINDS } from "./batch-samples.js";

const AT = "2025-11-24T12:00:00.000Z";

test("the published schema and the checks agree on any mixture of good and bad members", () => {
  const member = <T>(good: T, ...bad: readonly unknown[]) =>
    fc.oneof({ weight: 8, arbitrary: fc.constant<unknown>(good) }, { weight: 1, arbitrary: fc.constantFrom(...bad) });
  const optional = fc.option(fc.constantFrom("a", "", 7, null), { nil: undefined, freq: 2 });
  const transactions = fc
    .record({
      kind: fc.constantFrom(...PARTNER_KINDS, ...TENANT_KINDS, "STAKE"),
      id: member("t-1", "", "a b", 1),
      amount: member("1.00", "-1.00", "0.00", "0", "1e2", 1),
      currency: member("USD", "usd", "", 1),
      occurredAt: member(AT, "2025-11-24", "2025-13-01T00:00:00Z", 1),
      product: member("crash", "", undefined),
      reverses: fc.option(fc.constantFrom("t-0", ""), { nil: undefined, freq: 1 }),
      units: fc.option(fc.constantFrom(1, 0, 1.5, "1"), { nil: undefined, freq: 1 }),
      category: fc.option(fc.constantFrom("TAX", "TIP"), { nil: undefined, freq: 1 }),
      brand: optional,
      pool: optional,
      lot: optional,
    })
    .map((transaction) => JSON.parse(JSON.stringify(transaction)));
  fc.assert(
    fc.property(transactions, (transaction) => isAgreedOn(transaction)),
    { numRuns: 3_000 },
  );
});

test("the published schema refuses the frames that are refused", () => {
  expect(isInSchema(payloadWith())).toBe(true);
  for (const over of [{ exp: 1 }, { jti: "" }, { iat: 1.5 }, { mode: "atomic" }, { transactions: [] }, { sub: null }]) {
    expect(isInSchema(payloadWith(over)), JSON.stringify(over)).toBe(false);
  }
});
