import { beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { Act, ActType } from "../../src/acts/entities.js";
import { publicKeysForAllTenants } from "../../src/identity/platform-keys/service.js";
import { present } from "../../src/kernel/assert.js";
import { newId } from "../../src/kernel/ids.js";
import { fsck } from "../../src/operations/fsck/service.js";
import { PeriodState } from "../../src/periods/entities.js";
import { register } from "../../src/server/commands/reviews.js";
import { draftConfiguration } from "../../src/settlement/configurations/service.js";
import { type Configuration, Statement } from "../../src/settlement/entities.js";
import { settlementError } from "../../src/settlement/errors.js";
import { issueStatements } from "../../src/settlement/issuing/service.js";
import { saysCannotSettle } from "../../src/settlement/other-terms/rules.js";
import { type Reterming, retermPeriod } from "../../src/settlement/other-terms/service.js";
import { settle } from "../../src/settlement/runs/service.js";
import { RunStage } from "../../src/settlement/settlement-runs/entities.js";
import { documentOf, verifyStatement } from "../../src/settlement/statements/service.js";
import { RateType } from "../../src/settlement/terms/fx.js";
import { testApp } from "../support/app.js";
import { runCommand } from "../support/commands.js";
import { example } from "../support/contracts.js";
import { seedClient } from "../support/seeds.js";
import { activate, closeDue, openPlace, type Place, periods, quoteRate, report } from "./place.js";

const app = await testApp();

const [DAY_1, DAY_2, DAY_3] = ["2026-03-01T15:00:00.000Z", "2026-03-02T15:00:00.000Z", "2026-03-03T15:00:00.000Z"];
const { base: _, ...DAILY } = example("config-daily-12pct");
const BASE = { measure: "GGR", freeRoundStake: "ZERO", jackpotWins: "EXCLUDED" };
const PLAIN = JSON.parse(JSON.stringify({ ...DAILY, base: BASE }));
/** A source that never publishes anything. */
const STUCK = { ...PLAIN, fx: { to: "EUR", type: "PERIOD_CLOSE", source: "NOBODY" } };

let place: Place;
let better: Configuration;

/** A partner whose first day is closed and waits for a rate that nobody has; a later version converts nothing. */
beforeEach(async () => {
  app.clock.set(DAY_1);
  place = await openPlace(app, DAY_1, { document: STUCK, currencies: ["EUR", "USD"] });
  const bets = ["EUR", "USD"].map((currency) => ({ kind: "BET", amount: "100.00", currency, occurredAt: DAY_1 }));
  await report(app, place, bets);
  app.clock.set(DAY_2);
  await closeDue(app, place);
  better = await activate(app, place, PLAIN, DAY_3);
});

async function stuck(): Promise<Reterming> {
  const [period] = await periods(app, place);
  return { periodId: period?.id ?? "", configurationId: better.id, reason: "The source is gone." };
}

function statements(): Promise<Statement[]> {
  const { tenantNo, no: partnerNo } = place.partner;
  return app.database.manager.find(Statement, { where: { tenantNo, partnerNo }, order: { endsAt: 1, currency: 1 } });
}

async function actsOf(subjectId: string): Promise<string[]> {
  const acts = await app.database.manager.find(Act, {
    where: { tenantNo: place.tenant.no, subjectId },
    order: { no: 1 },
  });
  return acts.map(({ type }) => type);
}

test("a closed period that its terms never settle is settled by another version, when two people ask", async () => {
  const [one, two] = [await seedClient(app, place.shell, null), await seedClient(app, place.shell, null)];
  const wanted = await stuck();
  expect((await periods(app, place))[0]?.state).toBe(PeriodState.CLOSED);
  for (const _again of [1, 2]) {
    expect(await retermPeriod(app, one.actor, wanted)).toMatchObject({ state: PeriodState.CLOSED });
  }
  const done = await retermPeriod(app, two.actor, wanted);
  expect(done).toMatchObject({ state: PeriodState.STATEMENT_ISSUED, configurationId: better.id });
  const jwks = { keys: await publicKeysForAllTenants(app) };
  const issued = await statements();
  expect(issued.map(({ currency, earnedMinor }) => [currency, earnedMinor])).toEqual([
    ["EUR", 1_200n],
    ["USD", 1_200n],
  ]);
  for (const { jws } of issued) expect(verifyStatement(jws, jwks)).toBeNull();
  expect(issued.map((each) => documentOf(each).configuration.id)).toEqual([better.id, better.id]);
  expect((await actsOf(wanted.periodId)).slice(-4)).toEqual([
    ...[ActType.PERIOD_TERMS_PROPOSED, ActType.PERIOD_TERMS_PROPOSED, ActType.PERIOD_TERMS_REPLACED],
    ActType.PERIOD_CALCULATED,
  ]);
  await expect(retermPeriod(app, two.actor, wanted)).rejects.toMatchObject({ code: "VERSION_CONFLICT" });
  app.clock.set(DAY_3);
  await settle(app, place.shell, { partnerId: place.partner.id, through: new Date(DAY_3) });
  const [next] = (await statements()).slice(2);
  expect(next && documentOf(next).previousStatement?.id).toBe(issued[0]?.id);
  expect((await fsck(app, { tenantId: place.tenant.id })).differences).toEqual([]);
});

test("what one person proposed another may second for fourteen days, and only for the same version", async () => {
  const [one, two] = [await seedClient(app, place.shell, null), await seedClient(app, place.shell, null)];
  const wanted = await stuck();
  await retermPeriod(app, one.actor, wanted);
  app.clock.set("2026-03-17T15:00:00.000Z");
  expect(await retermPeriod(app, two.actor, wanted)).toMatchObject({ state: PeriodState.CLOSED });
  const other = await activate(app, place, { ...PLAIN, name: "another" }, "2026-04-01T15:00:00.000Z");
  const otherwise = { ...wanted, configurationId: other.id };
  expect(await retermPeriod(app, one.actor, otherwise)).toMatchObject({ state: PeriodState.CLOSED });
  app.clock.set("2026-03-30T15:00:00.000Z");
  expect(await retermPeriod(app, one.actor, wanted)).toMatchObject({ configurationId: better.id });
});

test("a statement is made again where the period was given other terms before it was stored", async () => {
  const rate = { base: "USD", quote: "EUR", type: RateType.PERIOD_CLOSE, source: "NOBODY", rate: "0.9" };
  await quoteRate(app, place, { ...rate, asOf: new Date(DAY_2) });
  const [period] = await periods(app, place);
  await issueStatements(app, place.shell, place.partner, present(period, "a period"), async (stage) => {
    if (stage !== RunStage.STATEMENT) return;
    const given = [better.id, place.tenant.no, period?.no];
    await app.database.query("update settlement_period set configuration_id = ? where tenant_no = ? and no = ?", given);
  });
  expect(new Set((await statements()).map(({ configurationId }) => configurationId))).toEqual(new Set([better.id]));
});

describe("is refused", () => {
  test("while the period's own terms can settle it", async () => {
    const rate = { base: "USD", quote: "EUR", type: RateType.PERIOD_CLOSE, source: "NOBODY", rate: "0.9" };
    await quoteRate(app, place, { ...rate, asOf: new Date(DAY_2) });
    const reterming = retermPeriod(app, place.shell, await stuck());
    await expect(reterming).rejects.toMatchObject({ code: "VERSION_CONFLICT" });
    await settle(app, place.shell, { partnerId: place.partner.id, through: new Date(DAY_2) });
    expect((await statements()).map(({ configurationId }) => configurationId)).toEqual([place.configuration.id]);
  });

  test("of a period that is open, and before one that was closed earlier", async () => {
    const [, next] = await periods(app, place);
    const wanted = { ...(await stuck()), periodId: next?.id ?? "" };
    await expect(retermPeriod(app, place.shell, wanted)).rejects.toMatchObject({ code: "VERSION_CONFLICT" });
  });

  test("by a draft, by a version that does not settle it either, by another partner's, and by none", async () => {
    const wanted = await stuck();
    const draft = await draftConfiguration(app, place.shell, { partnerId: place.partner.id, document: PLAIN });
    const worse = await activate(app, place, { ...STUCK, name: "worse" }, "2026-04-01T15:00:00.000Z");
    const sibling = await openPlace(app, DAY_3, { home: place.home, document: PLAIN, currencies: ["EUR"] });
    for (const [configurationId, code] of [
      [draft.id, "VALIDATION"],
      [worse.id, "RATE_MISSING"],
      [sibling.configuration.id, "VALIDATION"],
      [newId("cfg", app.clock), "NOT_FOUND"],
    ] as const) {
      const reterming = retermPeriod(app, place.shell, { ...wanted, configurationId });
      await expect(reterming).rejects.toMatchObject({ code });
    }
    expect(await actsOf(wanted.periodId)).not.toContain(ActType.PERIOD_TERMS_PROPOSED);
  });
});

test.each([
  ["RATE_MISSING", true],
  ["RULE_FAILED", true],
  ["VALIDATION", true],
  ["UNAVAILABLE", false],
] as const)("that own terms are refused with %s says that they cannot settle: %s", (code, isSaid) => {
  expect(saysCannotSettle(settlementError(code))).toBe(isSaid);
});

describe("at the shell", () => {
  beforeAll(() => {
    vi.stubEnv("QUITTANCE_MASTER_KEY", app.config.masterKey.toString("base64url"));
    return () => vi.unstubAllEnvs();
  });

  test("it is one command and two acts", async () => {
    const { periodId, configurationId, reason } = await stuck();
    const servers = ["--database-url", app.config.databaseUrl, "--redis-url", app.config.redisUrl];
    const args = ["period", "reterm", periodId, "--tenant", place.tenant.id, "--configuration", configurationId];
    const { stdout } = await runCommand(register, ...args, "--reason", reason, "--json", ...servers);
    expect(JSON.parse(stdout)).toEqual({ id: periodId, state: "STATEMENT_ISSUED" });
    const acts = await app.database.manager.findBy(Act, { tenantNo: place.tenant.no, subjectId: periodId });
    const shells = acts.filter(({ type }) => type.startsWith("PERIOD_TERMS"));
    expect(shells.map(({ principalKind }) => principalKind)).toEqual(["OPERATOR_SHELL", "OPERATOR_SHELL"]);
  });
});
