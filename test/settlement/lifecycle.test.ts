import { describe, expect, test } from "vitest";
import { ActType } from "../../src/acts/entities.js";
import { present } from "../../src/kernel/assert.js";
import { fsck } from "../../src/operations/fsck/service.js";
import { PeriodState } from "../../src/periods/entities.js";
import { abortPeriod } from "../../src/settlement/aborting/service.js";
import type { Statement } from "../../src/settlement/entities.js";
import { advanceStatementsForAllTenants, approveStatement } from "../../src/settlement/reviews/service.js";
import { documentOf, statementOf } from "../../src/settlement/statements/service.js";
import { testApi } from "../support/api.js";
import { testApp } from "../support/app.js";
import { example } from "../support/contracts.js";
import { type SeededClient, seedClient } from "../support/seeds.js";
import { type Place, periods, report } from "./place.js";
import { DAY_1, DAY_2, DAY_4, settled, settleThrough, statements } from "./replying.js";

const app = await testApp();
const api = await testApi(app);

const DAY_MS = 86_400_000;
const DAILY = example("config-daily-12pct");

async function statementsOf({ tenant, partner }: Place): Promise<{ id: string; state: PeriodState }[]> {
  return app.database.query(
    "select id, state from statement where tenant_id = ? and partner_no = ? order by currency desc",
    [tenant.id, partner.no],
  );
}

async function only(place: Place): Promise<Statement> {
  const [row] = await statementsOf(place);
  return statementOf(app, place.shell, row?.id ?? "");
}

async function actsOf({ partner }: Place): Promise<string[]> {
  const rows: { type: string }[] = await app.database.query(
    `select type from act where tenant_no = ? and partner_no = ? and (type like 'PERIOD%' or type like 'STATEMENT%')
     order by no`,
    [partner.tenantNo, partner.no],
  );
  return rows.map(({ type }) => type);
}

async function stateOf(place: Place): Promise<PeriodState | undefined> {
  return (await periods(app, place))[0]?.state;
}

async function mutate(name: string, by: SeededClient, statementId: string) {
  const [token, key] = [await by.token(), `${name}:${statementId}`];
  const query = `mutation ($id: ID!, $key: String!) {
    ${name}(input: { statementId: $id, idempotencyKey: $key }) { statement { state period { state } } }
  }`;
  const { data, errors = [] } = await api.ask({ query, variables: { id: statementId, key }, token });
  return errors[0]?.extensions["code"] ?? data?.[name]?.statement;
}

const both = (state: string) => ({ state, period: { state } });

test("a statement is approved by one person and released by another, each step with one act", async () => {
  const place = await settled(app, 1_000);
  const { id } = await only(place);
  const [first, second] = [await seedClient(app, place.shell, null), await seedClient(app, place.shell, null)];
  expect(await mutate("releaseStatement", second, id)).toBe("VERSION_CONFLICT");
  expect(await mutate("approveStatement", place, id)).toBe("FORBIDDEN");
  expect(await mutate("approveStatement", first, id)).toEqual(both("APPROVED"));
  expect(await mutate("approveStatement", second, id)).toBe("VERSION_CONFLICT");
  expect(await mutate("releaseStatement", first, id)).toBe("FORBIDDEN");
  expect(await mutate("releaseStatement", second, id)).toEqual(both("PAYABLE"));
  expect(await actsOf(place)).toEqual([
    ...[ActType.PERIOD_CLOSED, ActType.PERIOD_CALCULATED, ActType.STATEMENT_ISSUED],
    ...[ActType.STATEMENT_APPROVED, ActType.STATEMENT_RELEASED],
  ]);
  expect((await fsck(app, { tenantId: place.tenant.id })).differences).toEqual([]);
});

test("a statement of another tenant does not exist, and none is moved by a client without the scope", async () => {
  const [place, other] = [await settled(app, 1_000), await settled(app, 1_000)];
  const stranger = await seedClient(app, other.shell, null);
  const reader = await seedClient(app, place.shell, null, ["settlements:read", "settlements:manage"]);
  const { id } = await only(place);
  expect(await mutate("approveStatement", stranger, id)).toBe("NOT_FOUND");
  expect(await mutate("releaseStatement", stranger, id)).toBe("NOT_FOUND");
  expect(await mutate("releaseStatement", reader, id)).toBe("FORBIDDEN");
  expect(await stateOf(place)).toBe(PeriodState.STATEMENT_ISSUED);
});

test("with nothing payable a statement carries forward: approved, or by itself once its window is over", async () => {
  const [approved, waiting] = [await settled(app, 0), await settled(app, 0)];
  const manager = await seedClient(app, approved.shell, null);
  expect(await mutate("approveStatement", manager, (await only(approved)).id)).toEqual(both("CARRIED_FORWARD"));
  app.clock.advance(29 * DAY_MS);
  await advanceStatementsForAllTenants(app);
  expect(await stateOf(waiting)).toBe(PeriodState.STATEMENT_ISSUED);
  app.clock.advance(DAY_MS);
  await advanceStatementsForAllTenants(app);
  await advanceStatementsForAllTenants(app);
  expect(await stateOf(waiting)).toBe(PeriodState.CARRIED_FORWARD);
  expect(await actsOf(waiting)).toEqual([
    ...[ActType.PERIOD_CLOSED, ActType.PERIOD_CALCULATED, ActType.STATEMENT_ISSUED, ActType.STATEMENT_CARRIED_FORWARD],
  ]);
});

/** Two days on the window is over: what terms let go is released by itself then, and what they do not never is. */
async function expectReleaseAfterWindow(automatic: Place, manual: Place, before: PeriodState): Promise<void> {
  app.clock.advance(DAY_MS);
  await advanceStatementsForAllTenants(app);
  expect(await stateOf(automatic)).toBe(before);
  app.clock.advance(DAY_MS);
  await Promise.all([1, 2, 3].map(() => advanceStatementsForAllTenants(app)));
  expect(await stateOf(automatic)).toBe(PeriodState.PAYABLE);
  expect((await actsOf(automatic)).slice(-2)).toEqual([ActType.STATEMENT_APPROVED, ActType.STATEMENT_RELEASED]);
  app.clock.advance(365 * DAY_MS);
  await advanceStatementsForAllTenants(app);
  expect(await stateOf(manual)).toBe(before);
}

test("by terms that say so a statement is payable by itself once its window is over, and else never", async () => {
  const document = { ...DAILY, review: { disputeDays: 2, approval: "AUTOMATIC" } };
  const [automatic, manual] = [await settled(app, 1_000, { document }), await settled(app, 1_000)];
  await expectReleaseAfterWindow(automatic, manual, PeriodState.STATEMENT_ISSUED);
});

test("by terms that say so, what somebody approved ahead is released by itself once its window is over", async () => {
  const document = { ...DAILY, review: { disputeDays: 2, approval: "AUTOMATIC" } };
  const [automatic, manual] = [await settled(app, 1_000, { document }), await settled(app, 1_000)];
  for (const place of [automatic, manual]) {
    const { actor } = await seedClient(app, place.shell, null);
    await approveStatement(app, actor, (await only(place)).id);
  }
  await expectReleaseAfterWindow(automatic, manual, PeriodState.APPROVED);
});

test("each statement of a period moves by itself, and the period stands where the last of them does", async () => {
  const place = await settled(app, 1_000, { currencies: ["USD", "EUR"] }, [
    { kind: "BET", amount: "500.00", currency: "EUR", occurredAt: DAY_1 },
  ]);
  const [usd, eur] = await statementsOf(place);
  expect(await statementsOf(place)).toHaveLength(2);
  await approveStatement(app, place.shell, usd?.id ?? "");
  expect(await stateOf(place)).toBe(PeriodState.STATEMENT_ISSUED);
  await approveStatement(app, place.shell, eur?.id ?? "");
  expect(await stateOf(place)).toBe(PeriodState.APPROVED);
  expect((await fsck(app, { tenantId: place.tenant.id })).differences).toEqual([]);
});

test("fsck names a period that does not stand where its statements do", async () => {
  const place = await settled(app, 1_000);
  await app.database.query("update settlement_period set state = 'PAID' where tenant_no = ? and id = ?", [
    ...[place.partner.tenantNo, (await periods(app, place))[0]?.id],
  ]);
  expect((await fsck(app, { tenantId: place.tenant.id })).differences).toMatchObject([
    { check: "STATEMENTS", expected: "STATEMENT_ISSUED", found: "PAID" },
  ]);
});

describe("giving up a period", () => {
  const abort = (by: SeededClient["actor"], periodId = "") =>
    abortPeriod(app, by, { periodId, reason: "The contract ended." });

  test("takes two people; later periods settle as if it had not been, and what comes for it is late", async () => {
    const place = await settled(app, 1_000);
    const [first, second] = [await seedClient(app, place.shell, null), await seedClient(app, place.shell, null)];
    const [, empty, last] = await periods(app, place);
    expect((await abort(first.actor, empty?.id)).state).toBe(PeriodState.OPEN);
    expect((await abort(first.actor, empty?.id)).state).toBe(PeriodState.OPEN);
    expect((await abort(second.actor, empty?.id)).state).toBe(PeriodState.ABORTED);
    await expect(abort(second.actor, empty?.id)).rejects.toMatchObject({ code: "VERSION_CONFLICT" });
    await report(app, place, [{ kind: "BET", amount: "10.00", occurredAt: DAY_2 }]);
    await settleThrough(app, place, DAY_4);
    const [, next, ...more] = await statements(app, place);
    expect([next?.periodNo, more]).toEqual([last?.no, []]);
    expect(documentOf(present(next, "a statement")).totals).toMatchObject([
      { sum: "10.00", originPeriodId: empty?.id },
    ]);
    expect((await actsOf(place)).filter((type) => type.startsWith("PERIOD_ABORT"))).toEqual([
      ...[ActType.PERIOD_ABORT_PROPOSED, ActType.PERIOD_ABORT_PROPOSED, ActType.PERIOD_ABORTED],
    ]);
    expect((await fsck(app, { tenantId: place.tenant.id })).differences).toEqual([]);
  });

  test("is proposed for fourteen days, after which it takes two people anew", async () => {
    const place = await settled(app, 1_000);
    const [first, second] = [await seedClient(app, place.shell, null), await seedClient(app, place.shell, null)];
    const later = (await periods(app, place)).at(-1);
    await abort(first.actor, later?.id);
    app.clock.advance(14 * DAY_MS);
    expect((await abort(second.actor, later?.id)).state).toBe(PeriodState.OPEN);
    app.clock.advance(13 * DAY_MS);
    expect((await abort(first.actor, later?.id)).state).toBe(PeriodState.ABORTED);
  });

  test("is refused where anything was posted into it, where it is settled, and in another tenant", async () => {
    const [place, other] = [await settled(app, 1_000), await settled(app, 1_000)];
    const [done, open] = await periods(app, place);
    await report(app, place, [{ kind: "BET", amount: "10.00", occurredAt: DAY_2 }]);
    await expect(abort(place.shell, open?.id)).rejects.toMatchObject({ code: "VALIDATION" });
    await expect(abort(place.shell, done?.id)).rejects.toMatchObject({ code: "VERSION_CONFLICT" });
    await expect(abort(other.shell, open?.id)).rejects.toMatchObject({ code: "NOT_FOUND" });
  });
});
