import "reflect-metadata";
import { describe, expect, test } from "vitest";
import { validateItems } from "../../src/exchange/validate.js";
import {
  BET,
  ITEMS,
  isAgreedOn,
  itemOf,
  JACKPOT_KINDS,
  leastOf,
  PARTNER_KINDS,
  PLAY_KINDS,
  TENANT_KINDS,
  validate,
} from "./batch-samples.js";

const TENANT = { isTenant: true };
const PARTNER = { isTenant: false };
const AT = "2025-11-24T12:00:00.000Z";

describe("a transaction in shape", () => {
  test("is answered in our types", () => {
    expect(itemOf(ITEMS[0])).toEqual({
      index: 0,
      id: "854-B",
      kind: "BET",
      product: "crash",
      brand: "main",
      round: "3294811",
      player: "34dea495d98d3f86",
      amountMinor: 10_000n,
      currency: "BTC",
      occurredAt: new Date("2021-10-31T15:38:43.000Z"),
      reverses: null,
      category: null,
      units: null,
      costMinor: null,
      lot: null,
      priority: null,
      expiresAt: null,
      pool: null,
      freeRound: false,
      roundClosed: false,
    });
    expect(itemOf(ITEMS[1])).toMatchObject({ kind: "ROLLBACK", reverses: "854-B" });
  });

  test.each([...PARTNER_KINDS, ...TENANT_KINDS])("of kind %s needs no more than the least", (kind) => {
    expect(validate(leastOf(kind))).toMatchObject({ ok: true, item: { kind } });
    expect(isAgreedOn(leastOf(kind))).toBe(true);
  });

  test("may carry everything that its kind has", () => {
    const purchase = { cost: "0.95", lot: "promo", priority: 1, expiresAt: "2026-01-01T00:00:00Z" };
    expect(itemOf({ ...leastOf("CREDIT_PURCHASE"), ...purchase })).toMatchObject({
      costMinor: 95n,
      lot: "promo",
      priority: 1,
      expiresAt: new Date("2026-01-01T00:00:00.000Z"),
    });
    expect(itemOf({ ...leastOf("FEE"), category: "TAX", units: 7 })).toMatchObject({ category: "TAX", units: 7n });
    expect(itemOf({ ...BET, freeRound: true, roundClosed: true })).toMatchObject({
      freeRound: true,
      roundClosed: true,
    });
    expect(itemOf({ ...leastOf("JACKPOT_WIN"), pool: "mega" })).toMatchObject({ pool: "mega" });
    expect(itemOf({ ...leastOf("ACQUISITION"), amount: "0.00" })).toMatchObject({ amountMinor: 0n, units: 3n });
    expect(itemOf({ ...leastOf("ADJUSTMENT"), amount: "-2.5" })).toMatchObject({ amountMinor: -250n });
  });

  test("keeps its place, beside those that are refused", () => {
    const results = validateItems([BET, null, { ...BET, id: "t-2", amount: "1.001" }, { ...BET, id: "t-3" }], PARTNER);
    expect(results).toMatchObject([
      { ok: true, item: { index: 0, id: "t-1" } },
      { ok: false, id: null, code: "VALIDATION", path: "/transactions/1" },
      { ok: false, id: "t-2", code: "VALIDATION", path: "/transactions/2/amount" },
      { ok: true, item: { index: 3, id: "t-3" } },
    ]);
  });
});

describe("kinds", () => {
  test.each(TENANT_KINDS)("%s is the tenant's alone", (kind) => {
    expect(validate(leastOf(kind), PARTNER)).toMatchObject({ code: "KIND_NOT_ALLOWED", path: "/transactions/0/kind" });
    expect(validate(leastOf(kind), TENANT).ok).toBe(true);
  });

  test.each(["", "bet", "BET ", "STAKE", "constructor", "__proto__", 1, null, undefined, ["BET"]])(
    "%j is none",
    (kind) => {
      expect(validate({ ...BET, kind })).toMatchObject({ code: "VALIDATION", path: "/transactions/0/kind" });
    },
  );

  test("each has its own members and no other's", () => {
    const owners: Record<string, { value: unknown; kinds: readonly string[] }> = {
      reverses: { value: "t-0", kinds: ["ROLLBACK"] },
      category: { value: "TAX", kinds: ["FEE"] },
      units: { value: 1, kinds: ["FEE", "ACQUISITION"] },
      cost: { value: "1", kinds: ["CREDIT_PURCHASE"] },
      lot: { value: "a", kinds: ["CREDIT_PURCHASE"] },
      priority: { value: 0, kinds: ["CREDIT_PURCHASE"] },
      expiresAt: { value: AT, kinds: ["CREDIT_PURCHASE"] },
      pool: { value: "a", kinds: JACKPOT_KINDS },
      freeRound: { value: true, kinds: PLAY_KINDS },
      roundClosed: { value: true, kinds: [...PLAY_KINDS, ...JACKPOT_KINDS] },
    };
    for (const kind of [...PARTNER_KINDS, ...TENANT_KINDS]) {
      for (const [member, { value, kinds }] of Object.entries(owners)) {
        const transaction = { ...leastOf(kind), [member]: value };
        expect(validate(transaction).ok, `${kind}.${member}`).toBe(kinds.includes(kind));
        expect(isAgreedOn(transaction), `${kind}.${member} in the schema`).toBe(true);
      }
    }
  });
});

describe("a transaction out of shape is refused with its path", () => {
  const { amount: _amount, ...unpriced } = BET;
  test.each<[string, unknown, string]>([
    ["a list", [], ""],
    ["a text", "BET", ""],
    ["an unknown member", { ...BET, colour: "red" }, "/colour"],
    ["a member with a strange name", { ...BET, "a/b\n": 1 }, ""],
    ["a member named __proto__", JSON.parse(`{"__proto__":{},${JSON.stringify(BET).slice(1)}`), "/__proto__"],
    ["no id", { ...BET, id: undefined }, "/id"],
    ["no currency", { ...BET, currency: undefined }, "/currency"],
    ["no time", { ...BET, occurredAt: undefined }, "/occurredAt"],
    ["no amount", unpriced, "/amount"],
    ["a bet without product", { ...BET, product: undefined }, "/product"],
    ["a rollback of nothing", { ...leastOf("ROLLBACK"), reverses: undefined }, "/reverses"],
    ["an acquisition of nobody", { ...leastOf("ACQUISITION"), units: undefined }, "/units"],
    ["an acquisition for money", { ...leastOf("ACQUISITION"), amount: "0.01" }, "/amount"],
    ["an empty id", { ...BET, id: "" }, "/id"],
    ["an id of 65 characters", { ...BET, id: "x".repeat(65) }, "/id"],
    ["an id with a space", { ...BET, id: "854-b " }, "/id"],
    ["an id with a newline", { ...BET, id: "854-b\n" }, "/id"],
    ["a numeric id", { ...BET, id: 854 }, "/id"],
    ["a null round", { ...BET, round: null }, "/round"],
    ["a player with a full-width digit", { ...BET, player: "１" }, "/player"],
    ["a numeric amount", { ...BET, amount: 1 }, "/amount"],
    ["a negative bet", { ...BET, amount: "-1.00" }, "/amount"],
    ["a bet of minus zero", { ...BET, amount: "-0" }, "/amount"],
    ["an exponent", { ...BET, amount: "1e2" }, "/amount"],
    ["a plus sign", { ...BET, amount: "+1" }, "/amount"],
    ["a separator", { ...BET, amount: "1,000" }, "/amount"],
    ["no digit before the point", { ...BET, amount: ".5" }, "/amount"],
    ["no digit after the point", { ...BET, amount: "5." }, "/amount"],
    ["not a number", { ...BET, amount: "NaN" }, "/amount"],
    ["an empty amount", { ...BET, amount: "" }, "/amount"],
    ["a full-width amount", { ...BET, amount: "１" }, "/amount"],
    ["nine decimals of BTC", { ...BET, currency: "BTC", amount: "0.000000001" }, "/amount"],
    ["nine decimals of BTC that are zero", { ...BET, currency: "BTC", amount: "1.000000000" }, "/amount"],
    ["a currency in lower case", { ...BET, currency: "usd" }, "/currency"],
    ["a negative cost", { ...leastOf("CREDIT_PURCHASE"), cost: "-1" }, "/cost"],
    ["a time without zone", { ...BET, occurredAt: "2025-11-24T12:00:00" }, "/occurredAt"],
    ["a time with an offset", { ...BET, occurredAt: "2025-11-24T12:00:00+09:00" }, "/occurredAt"],
    ["a time in lower case", { ...BET, occurredAt: "2025-11-24t12:00:00z" }, "/occurredAt"],
    ["a date alone", { ...BET, occurredAt: "2025-11-24" }, "/occurredAt"],
    ["microseconds", { ...BET, occurredAt: "2025-11-24T12:00:00.000001Z" }, "/occurredAt"],
    ["the hour 24", { ...BET, occurredAt: "2025-11-24T24:00:00Z" }, "/occurredAt"],
    ["a leap second", { ...BET, occurredAt: "2016-12-31T23:59:60Z" }, "/occurredAt"],
    ["a time in seconds", { ...BET, occurredAt: 1764000000 }, "/occurredAt"],
    ["an unknown category", { ...leastOf("FEE"), category: "TIP" }, "/category"],
    ["no units", { ...leastOf("FEE"), units: 0 }, "/units"],
    ["half a unit", { ...leastOf("FEE"), units: 1.5 }, "/units"],
    ["textual units", { ...leastOf("FEE"), units: "1" }, "/units"],
    ["a negative priority", { ...leastOf("CREDIT_PURCHASE"), priority: -1 }, "/priority"],
    ["a textual flag", { ...BET, freeRound: "true" }, "/freeRound"],
  ])("%s", (_, transaction, path) => {
    expect(validate(transaction)).toMatchObject({ ok: false, code: "VALIDATION", path: `/transactions/0${path}` });
    expect(isAgreedOn(transaction)).toBe(true);
  });

  // What JSON Schema cannot say.
  test.each<[string, unknown, string, string]>([
    ["an unknown currency", { ...BET, currency: "XXX" }, "CURRENCY_UNKNOWN", "/currency"],
    ["a currency named like a method", { ...BET, currency: "TOSTRING" }, "CURRENCY_UNKNOWN", "/currency"],
    ["a tenth of a won", { ...BET, currency: "KRW", amount: "1.0" }, "VALIDATION", "/amount"],
    ["a tenth of a cent", { ...BET, amount: "0.001" }, "VALIDATION", "/amount"],
    ["10^18 minor units", { ...BET, amount: "10000000000000000" }, "VALIDATION", "/amount"],
    ["a cost of a tenth of a cent", { ...leastOf("CREDIT_PURCHASE"), cost: "0.001" }, "VALIDATION", "/cost"],
    ["30 February", { ...BET, occurredAt: "2024-02-30T00:00:00Z" }, "VALIDATION", "/occurredAt"],
    ["29 February of a common year", { ...BET, occurredAt: "2100-02-29T00:00:00Z" }, "VALIDATION", "/occurredAt"],
    ["31 April", { ...BET, occurredAt: "2025-04-31T00:00:00.000Z" }, "VALIDATION", "/occurredAt"],
    ["a rollback of itself", { ...leastOf("ROLLBACK"), reverses: "t-1" }, "VALIDATION", "/reverses"],
  ])("%s", (_, transaction, code, path) => {
    expect(validate(transaction)).toMatchObject({ ok: false, code, path: `/transactions/0${path}` });
  });

  test("several faults answer the first: kind, members, currency, amount", () => {
    const bad = { ...BET, currency: "XXX", amount: "x", occurredAt: "x" };
    expect(validate({ ...bad, kind: "STAKE", colour: 1 })).toMatchObject({ path: "/transactions/0/kind" });
    expect(validate({ ...bad, colour: 1 })).toMatchObject({ path: "/transactions/0/colour" });
    expect(validate(bad)).toMatchObject({ code: "CURRENCY_UNKNOWN", path: "/transactions/0/currency" });
    expect(validate({ ...bad, currency: "USD" })).toMatchObject({ path: "/transactions/0/amount" });
  });

  test("a refusal carries the id where there is a usable one, and never the value", () => {
    expect(validate({ ...BET, amount: "<script>" })).toMatchObject({ id: "t-1" });
    expect(validate({ ...BET, id: "<script>" })).toMatchObject({ id: null });
    for (const member of ["id", "amount", "currency", "occurredAt", "round"]) {
      expect(JSON.stringify(validate({ ...BET, [member]: "<script>" }))).not.toContain("<script>");
    }
  });
});

test("exact amounts up to just below 10^18 minor units are kept to the last unit", () => {
  const amount = "9999999999.99999999";
  expect(itemOf({ ...BET, currency: "BTC", amount }).amountMinor).toBe(999_999_999_999_999_999n);
});

test("times are kept to the millisecond, leap days included", () => {
  expect(itemOf({ ...BET, occurredAt: "2024-02-29T23:59:59.999Z" }).occurredAt.getTime()).toBe(1_709_251_199_999);
  expect(itemOf({ ...BET, occurredAt: "2000-02-29T00:00:00Z" }).occurredAt.getTime()).toBe(951_782_400_000);
});
