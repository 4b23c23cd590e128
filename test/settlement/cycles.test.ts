import { describe, expect, test } from "vitest";
import { draftConfiguration } from "../../src/settlement/configurations/service.js";
import { Statement } from "../../src/settlement/entities.js";
import { recomputeStatement } from "../../src/settlement/recompute.js";
import { settle } from "../../src/settlement/runs/service.js";
import { documentOf } from "../../src/settlement/statements/service.js";
import { testApp } from "../support/app.js";
import { example } from "../support/contracts.js";
import { openPlace, type Place, periods } from "./place.js";

const app = await testApp();

async function settledBy(changes: Record<string, unknown>, timezone = "Asia/Seoul"): Promise<Place> {
  app.clock.set("2026-02-01T00:00:00.000Z");
  return openPlace(app, "2026-01-31T15:00:00.000Z", {
    document: { ...example("config-daily-12pct"), ...changes },
    timezone,
  });
}

test.each<[string, Record<string, unknown>, string[]]>([
  ["biweekly from an anchor", { kind: "BIWEEKLY", anchor: "2026-01-05" }, ["2026-02-01T15:00", "2026-02-15T15:00"]],
  ["monthly on the 31st", { kind: "MONTHLY", dayOfMonth: 31 }, ["2026-02-27T15:00", "2026-03-30T15:00"]],
  ["quarterly", { kind: "QUARTERLY", month: 2, dayOfMonth: 1 }, ["2026-04-30T15:00"]],
  ["custom", { kind: "CUSTOM", schedule: "0 6 1,16 * *" }, ["2026-01-31T21:00", "2026-02-15T21:00"]],
])("a %s cycle is planned from its document", async (_, cycle, ends) => {
  const planned = await periods(app, await settledBy({ cycle }));
  expect(planned.slice(0, ends.length).map(({ endsAt }) => endsAt.toISOString().slice(0, 16))).toEqual(ends);
});

test("an unclear schedule is refused by its path when drafted, and so is an unknown calendar", async () => {
  const { shell, partner } = await settledBy({});
  const draft = (changes: Record<string, unknown>) =>
    draftConfiguration(app, shell, {
      partnerId: partner.id,
      document: { ...example("config-daily-12pct"), ...changes },
    });
  await expect(draft({ cycle: { kind: "CUSTOM", schedule: "0 0 1 * MON" } })).rejects.toMatchObject({
    code: "VALIDATION",
    details: { path: "/cycle/schedule" },
  });
  const payouts: [Record<string, unknown>, string][] = [
    [{ dueAfterDays: 2, businessDays: "XX" }, "/payout/businessDays"],
    [{ businessDays: "KR" }, "/payout/businessDays"],
    [{ dueAfterDays: 2, closedOn: ["2026-06-03"] }, "/payout/closedOn"],
  ];
  for (const [payout, path] of payouts) {
    await expect(draft({ payout: { minimum: "0", ...payout } })).rejects.toMatchObject({
      code: "VALIDATION",
      details: { path },
    });
  }
  const payout = { minimum: "0", dueAfterDays: 2, businessDays: "XX" };
  await expect(draft({ overrides: [{ for: { currency: "USD" }, payout }] })).rejects.toMatchObject({
    code: "VALIDATION",
    details: { path: "/overrides/0/payout/businessDays" },
  });
});

describe("payment terms", () => {
  /** The statement of 13 February 2026, a Friday before Korea's New Year; its period falls due at midnight. */
  async function statementBy(payout: Record<string, unknown>, more = {}): Promise<Statement> {
    const place = await settledBy({ payout: { minimum: "0", ...payout }, ...more });
    app.clock.set("2026-02-14T00:00:00.000Z");
    const through = new Date("2026-02-13T15:00:00.000Z");
    const last = (await settle(app, place.shell, { partnerId: place.partner.id, through })).at(-1);
    return app.database.manager.findOneByOrFail(Statement, { tenantId: place.tenant.id, id: last?.statementId ?? "" });
  }

  test("put a date on the statement, with the days that were passed over", async () => {
    const statement = await statementBy({ dueAfterDays: 2, businessDays: "KR" });
    expect(statement.paymentDueOn).toBe("2026-02-20");
    expect(documentOf(statement).payment).toEqual({
      ...{ from: "2026-02-14", afterDays: 2, calendar: "KR", on: "2026-02-20" },
      closedDays: ["2026-02-15", "2026-02-16", "2026-02-17", "2026-02-18"],
    });
    expect(recomputeStatement(documentOf(statement))).toEqual([]);
  });

  test("are those of the override for the statement's currency", async () => {
    const payout = { minimum: "0", dueAfterDays: 2, businessDays: "KR" };
    const overrides = [{ for: { currency: "USD" }, payout }];
    const statement = await statementBy({ dueAfterDays: 30 }, { overrides });
    expect(statement.paymentDueOn).toBe("2026-02-20");
    expect(recomputeStatement(documentOf(statement))).toEqual([]);
  });

  test("that are absent put none", async () => {
    const statement = await statementBy({});
    expect([statement.paymentDueOn, documentOf(statement).payment]).toEqual([null, undefined]);
  });

  test("a date that does not follow is found by whoever recomputes the statement", async () => {
    const document = documentOf(await statementBy({ dueAfterDays: 30 }));
    const payment = { from: "2026-02-14", afterDays: 30, calendar: null, closedDays: [], on: "2026-03-16" };
    expect(document.payment).toEqual(payment);
    for (const wrong of [
      { ...payment, on: "2026-03-17" },
      { ...payment, afterDays: 31, on: "2026-03-17" },
      { ...payment, calendar: "KR" },
      { ...payment, closedDays: ["2026-02-15"], on: "2026-03-17" },
      undefined,
    ]) {
      expect(recomputeStatement({ ...document, payment: wrong })).toHaveLength(1);
    }
  });
});
