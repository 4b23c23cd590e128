import "reflect-metadata";
import { describe, expect, test } from "vitest";
import { contentHash as hashOf, type Item, validateItems } from "../../src/exchange/validate.js";
import { BET, itemOf, leastOf } from "./batch-samples.js";

const contentHash = (item: Item) => hashOf(item, (player) => player);
const AT = "2025-11-24T12:00:00.000Z";

describe("the content hash", () => {
  test("is 16 bytes, the same for what is equal after parsing", () => {
    expect(contentHash(itemOf(BET))).toHaveLength(32);
    const spellings = [
      { ...BET, amount: "1" },
      { ...BET, amount: "01.0" },
      { ...BET, occurredAt: "2025-11-24T12:00:00Z" },
      { ...BET, freeRound: false, roundClosed: false },
      Object.fromEntries(Object.entries(BET).reverse()),
    ];
    for (const spelling of spellings) expect(contentHash(itemOf(spelling))).toEqual(contentHash(itemOf(BET)));
  });

  test("does not depend on the place in the batch", () => {
    const [first, second] = validateItems([BET, BET], { isTenant: false });
    expect(first?.ok && second?.ok && contentHash(first.item) === contentHash(second.item)).toBe(true);
  });

  test("differs when any member differs, and for a value that moved to another member", () => {
    const purchase = { ...leastOf("CREDIT_PURCHASE"), cost: "1", lot: "a", priority: 1, expiresAt: AT };
    const all = [
      BET,
      { ...BET, id: "t-2" },
      { ...BET, kind: "WIN" },
      { ...BET, product: "dice" },
      { ...BET, brand: "a" },
      { ...BET, round: "a" },
      { ...BET, player: "a" },
      { ...BET, brand: "a", round: "a" },
      { ...BET, brand: "round1:a" },
      { ...BET, amount: "1.01" },
      { ...BET, currency: "EUR" },
      { ...BET, currency: "KRW", amount: "100" },
      { ...BET, occurredAt: "2025-11-24T12:00:00.001Z" },
      { ...BET, freeRound: true },
      { ...BET, roundClosed: true },
      leastOf("ROLLBACK"),
      { ...leastOf("ROLLBACK"), reverses: "t-00" },
      leastOf("FEE"),
      { ...leastOf("FEE"), category: "TAX" },
      { ...leastOf("FEE"), units: 1 },
      purchase,
      { ...purchase, cost: "2" },
      { ...purchase, lot: "b" },
      { ...purchase, priority: 2 },
      { ...purchase, expiresAt: "2025-11-24T12:00:00.001Z" },
      leastOf("JACKPOT_WIN"),
      { ...leastOf("JACKPOT_WIN"), pool: "a" },
    ];
    expect(new Set(all.map((one) => contentHash(itemOf(one)))).size).toBe(all.length);
  });
});
