import { describe, expect, test } from "vitest";
import { shellActor } from "../../src/kernel/actor.js";
import { PeriodState } from "../../src/periods/entities.js";
import { closeApp } from "../../src/platform/open-app.js";
import { returnConfiguration, submitConfiguration } from "../../src/settlement/approvals/service.js";
import {
  activateConfiguration,
  configurationOf,
  draftConfiguration,
  warningsIn,
} from "../../src/settlement/configurations/service.js";
import { parseConfiguration } from "../../src/settlement/document.js";
import { MidPeriod } from "../../src/settlement/entities.js";
import { planAheadForAllTenants } from "../../src/settlement/planning/service.js";
import { recomputeStatement } from "../../src/settlement/recompute.js";
import { settle } from "../../src/settlement/runs/service.js";
import { documentOf, statementOf } from "../../src/settlement/statements/service.js";
import { openTestApp, testApp } from "../support/app.js";
import { example } from "../support/contracts.js";
import { seedClient, seedTenant } from "../support/seeds.js";
import { activate, closeDue, openPlace, type Place, periods, report } from "./place.js";

const app = await testApp();

/** Seoul's days begin at 15:00 UTC. The first period is that of 2 March. */
const [DAY_1, DAY_2, DAY_3] = [
  "2026-03-01T15:00:00.000Z",
  "2026-03-02T15:00:00.000Z",
  "2026-03-03T15:00:00.000Z",
] as const;

async function place(changes = {}): Promise<Place> {
  app.clock.set("2026-03-01T16:00:00.000Z");
  return openPlace(app, DAY_1, changes);
}

describe("activating a configuration", () => {
  test("plans its periods sixty days ahead in the partner's zone", async () => {
    const where = await place();
    const planned = await periods(app, where);
    expect(planned).toHaveLength(61); // sixty days from an hour after midnight end within the sixty-first
    expect(planned[0]).toMatchObject({ startsAt: new Date(DAY_1), endsAt: new Date(DAY_2), dueAt: new Date(DAY_2) });
    expect(planned.every(({ configurationId }) => configurationId === where.configuration.id)).toBe(true);
  });

  test("takes two acts at the shell, marked as such", async () => {
    const where = await place();
    const acts = await app.database.query(
      `select type, principal_kind from act where tenant_no = ? and partner_no = ? and type like 'CONFIGURATION%'
       order by no`,
      [where.partner.tenantNo, where.partner.no],
    );
    expect(acts).toEqual([
      { type: "CONFIGURATION_DRAFTED", principal_kind: "OPERATOR_SHELL" },
      { type: "CONFIGURATION_ACTIVATED", principal_kind: "OPERATOR_SHELL" },
    ]);
  });

  test("a second version takes over from the next period on, and the first is superseded", async () => {
    const where = await place();
    app.clock.set("2026-03-03T10:00:00.000Z");
    const grace = { ...example("config-daily-12pct"), grace: "PT6H" };
    const second = await activate(app, where, grace, "2026-03-03T12:00:00.000Z");
    expect(second.version).toBe(2);
    expect(await configurationOf(app, where.shell, where.configuration.id)).toMatchObject({ state: "SUPERSEDED" });
    const [first, running, next] = await periods(app, where);
    expect(first?.configurationId).toBe(where.configuration.id);
    expect(running).toMatchObject({ configurationId: where.configuration.id, dueAt: new Date(DAY_3) });
    expect(next).toMatchObject({ configurationId: second.id, dueAt: new Date("2026-03-04T21:00:00.000Z") });
  });

  test("is refused once a period after its instant is closed", async () => {
    const where = await place();
    app.clock.set(DAY_3);
    await settle(app, where.shell, { partnerId: where.partner.id, through: new Date(DAY_3) });
    await expect(activate(app, where, example("config-daily-12pct"), DAY_1)).rejects.toMatchObject({
      code: "PERIOD_CLOSED",
    });
    expect((await activate(app, where, example("config-daily-12pct"), DAY_3)).state).toBe("ACTIVE");
  });

  test("is refused for a version that was activated, and for one older than the active", async () => {
    const where = await place();
    const { shell, partner } = where;
    const draft = () =>
      draftConfiguration(app, shell, { partnerId: partner.id, document: example("config-daily-12pct") });
    const [older, newer] = [await draft(), await draft()];
    const put = (configurationId: string) =>
      activateConfiguration(app, shell, { configurationId, effectiveFrom: new Date(DAY_2) });
    expect([older.version, newer.version]).toEqual([2, 3]);
    await put(newer.id);
    for (const id of [newer.id, older.id]) await expect(put(id)).rejects.toMatchObject({ code: "VERSION_CONFLICT" });
  });

  test("is refused more than sixty days ahead, where the versions between would be forgotten", async () => {
    const where = await place();
    await expect(activate(app, where, example("config-daily-12pct"), "2026-06-01T15:00:00.000Z")).rejects.toMatchObject(
      { code: "VALIDATION", details: { path: "/effectiveFrom" } },
    );
  });

  test("takes two people through the API", async () => {
    const where = await place();
    const [author, approver] = [await seedClient(app, where.shell, null), await seedClient(app, where.shell, null)];
    const document = example("config-daily-12pct");
    const { id } = await draftConfiguration(app, author.actor, { partnerId: where.partner.id, document });
    const activation = { configurationId: id, effectiveFrom: new Date(DAY_2) };
    const submission = { ...activation, midPeriod: MidPeriod.NEXT_PERIOD };
    await submitConfiguration(app, author.actor, submission);
    await expect(activateConfiguration(app, author.actor, activation)).rejects.toMatchObject({ code: "FORBIDDEN" });
    expect(await activateConfiguration(app, approver.actor, activation)).toMatchObject({
      state: "ACTIVE",
      draftedBy: author.client.id,
      activatedBy: approver.client.id,
    });
  });

  test("what is approved is what was submitted: another instant is refused, none is needed", async () => {
    const where = await place();
    const [author, approver] = [await seedClient(app, where.shell, null), await seedClient(app, where.shell, null)];
    const document = example("config-daily-12pct");
    const { id: configurationId } = await draftConfiguration(app, author.actor, {
      partnerId: where.partner.id,
      document,
    });
    const submission = { configurationId, effectiveFrom: new Date(DAY_2), midPeriod: MidPeriod.NEXT_PERIOD };
    await submitConfiguration(app, author.actor, submission);
    const activateFrom = (effectiveFrom: Date | null) =>
      activateConfiguration(app, approver.actor, { configurationId, effectiveFrom });
    await expect(activateFrom(new Date(DAY_3))).rejects.toMatchObject({
      code: "VALIDATION",
      details: { path: "/effectiveFrom" },
    });
    expect(await activateFrom(null)).toMatchObject({ state: "ACTIVE", effectiveFrom: new Date(DAY_2) });
    const moves = [
      () => submitConfiguration(app, author.actor, submission),
      () => returnConfiguration(app, author.actor, { configurationId, reason: "Too late." }),
    ];
    for (const move of moves) await expect(move()).rejects.toMatchObject({ code: "VERSION_CONFLICT" });
  });

  test("who submitted another's draft may not activate it either", async () => {
    const where = await place();
    const [author, clerk] = [await seedClient(app, where.shell, null), await seedClient(app, where.shell, null)];
    const document = example("config-daily-12pct");
    const { id: configurationId } = await draftConfiguration(app, author.actor, {
      partnerId: where.partner.id,
      document,
    });
    const submission = { configurationId, effectiveFrom: new Date(DAY_2), midPeriod: MidPeriod.NEXT_PERIOD };
    await submitConfiguration(app, clerk.actor, submission);
    await expect(activateConfiguration(app, clerk.actor, { configurationId })).rejects.toMatchObject({
      code: "FORBIDDEN",
    });
  });

  test("two drafts at once get two versions", async () => {
    const where = await place();
    const document = example("config-daily-12pct");
    const drafts = await Promise.all(
      [1, 2, 3].map(() => draftConfiguration(app, where.shell, { partnerId: where.partner.id, document })),
    );
    expect(new Set(drafts.map(({ version }) => version))).toEqual(new Set([2, 3, 4]));
  });

  test("a minimum that a currency of the partner cannot hold is refused when drafted", async () => {
    const where = await place({ currencies: ["USD", "KRW"] });
    const document = { ...example("config-daily-12pct"), payout: { minimum: "0.5" } };
    await expect(draftConfiguration(app, where.shell, { partnerId: where.partner.id, document })).rejects.toMatchObject(
      {
        code: "VALIDATION",
        details: { path: "/payout/minimum" },
      },
    );
  });

  test("far ahead leaves no gap: the version before plans on up to its instant", async () => {
    const where = await place();
    app.clock.set("2026-03-20T00:00:00.000Z");
    const next = await activate(app, where, example("config-daily-12pct"), "2026-05-10T15:00:00.000Z");
    const planned = await periods(app, where);
    for (const [index, period] of planned.entries()) {
      const before = planned[index - 1];
      if (before !== undefined) expect(period.startsAt).toEqual(before.endsAt);
      const isNext = period.startsAt >= new Date("2026-05-10T15:00:00.000Z");
      expect(period.configurationId).toBe(isNext ? next.id : where.configuration.id);
    }
    expect(planned.at(-1)?.configurationId).toBe(next.id);
  });

  test("again for days that are past closes none of them by itself", async () => {
    const grace = { ...example("config-daily-12pct"), grace: "P31D" };
    const where = await place({ document: grace });
    app.clock.set("2026-03-20T00:00:00.000Z");
    await activate(app, where, example("config-daily-12pct"), DAY_1);
    await closeDue(app, where);
    expect((await periods(app, where)).filter(({ state }) => state !== PeriodState.OPEN)).toEqual([]);
  });

  test("plans go on: a partner whose plan ends within thirty days gets sixty more", async () => {
    const where = await place();
    const planned = await periods(app, where);
    app.clock.set("2026-04-10T00:00:00.000Z");
    await planAheadForAllTenants(app);
    const extended = await periods(app, where);
    expect(extended.slice(0, planned.length)).toEqual(planned);
    expect(extended.at(-1)?.endsAt).toEqual(new Date("2026-06-09T15:00:00.000Z"));
    await planAheadForAllTenants(app);
    expect(await periods(app, where)).toEqual(extended);
  });
});

describe("a version that splits a period", () => {
  const NOON_3 = "2026-03-03T03:00:00.000Z"; // 12:00 in Seoul on 3 March, inside the second day
  const rate = (percent: string) => ({ ...example("config-daily-12pct"), share: { kind: "FLAT", rate: percent } });

  async function splitAt(where: Place, document: unknown, effectiveFrom: string) {
    const draft = await draftConfiguration(app, where.shell, { partnerId: where.partner.id, document });
    const activation = { configurationId: draft.id, effectiveFrom: new Date(effectiveFrom) };
    return activateConfiguration(app, where.shell, { ...activation, midPeriod: MidPeriod.SPLIT });
  }

  test("makes two parts of it, each with its own version, and knows what they are parts of", async () => {
    const where = await place({ document: { ...example("config-daily-12pct"), grace: "PT6H" } });
    app.clock.set("2026-03-03T01:00:00.000Z");
    const second = await splitAt(where, rate("0.2"), NOON_3);
    const whole = { cycleStartsAt: new Date(DAY_2), cycleEndsAt: new Date(DAY_3) };
    const [first, morning, afternoon, next] = await periods(app, where);
    expect(first).toMatchObject({ endsAt: new Date(DAY_2), configurationId: where.configuration.id });
    expect(morning).toMatchObject({
      ...{ startsAt: new Date(DAY_2), endsAt: new Date(NOON_3), dueAt: new Date("2026-03-03T09:00:00.000Z") },
      ...{ configurationId: where.configuration.id, ...whole },
    });
    expect(afternoon).toMatchObject({
      ...{ startsAt: new Date(NOON_3), endsAt: new Date(DAY_3), dueAt: new Date(DAY_3) },
      ...{ configurationId: second.id, ...whole },
    });
    expect(next).toMatchObject({
      startsAt: new Date(DAY_3),
      cycleStartsAt: new Date(DAY_3),
      configurationId: second.id,
    });
    expect(second).toMatchObject({ midPeriod: "SPLIT", effectiveFrom: new Date(NOON_3) });
  });

  test("keeps the totals apart, and settles each part at its own terms", async () => {
    const where = await place({ document: rate("0.1") });
    app.clock.set("2026-03-03T01:00:00.000Z");
    await report(app, where, [{ kind: "BET", amount: "1000.00", occurredAt: "2026-03-03T00:30:00.000Z" }]);
    await splitAt(where, rate("0.2"), NOON_3);
    app.clock.set("2026-03-03T05:00:00.000Z");
    await report(app, where, [
      { kind: "BET", amount: "10.00", occurredAt: "2026-03-03T02:59:59.999Z" },
      { kind: "BET", amount: "500.00", occurredAt: NOON_3 },
    ]);
    app.clock.set("2026-03-03T16:00:00.000Z");
    const rows = await settle(app, where.shell, { partnerId: where.partner.id, through: new Date(DAY_3) });
    expect(rows.map(({ start, end, base, earned }) => [start, end, base, earned])).toEqual([
      [DAY_1, DAY_2, "0.00", "0.00"],
      [DAY_2, NOON_3, "1010.00", "101.00"],
      [NOON_3, DAY_3, "500.00", "100.00"],
    ]);
  });

  test("shares a guarantee by days between its parts, and is charged a fixed fee once", async () => {
    const document = {
      ...example("config-daily-12pct"),
      cycle: { kind: "MONTHLY", dayOfMonth: 2 },
      guarantee: { kind: "FLOOR", amount: "3100.00", prorate: "DAYS" },
      fees: [{ kind: "FIXED", name: "desk", payer: "TENANT", amount: "10.00", per: "PERIOD" }],
    };
    const where = await place({ document });
    await splitAt(where, document, "2026-03-17T03:00:00.000Z"); // 12:00 in Seoul
    const through = new Date("2026-04-01T15:00:00.000Z");
    app.clock.set(through);
    const rows = await settle(app, where.shell, { partnerId: where.partner.id, through });
    expect(rows.map(({ earned }) => earned)).toEqual(["1500.00", "1600.00"]);
    const statements = await Promise.all(rows.map(({ statementId }) => statementOf(app, where.actor, statementId)));
    for (const statement of statements) {
      const { period, ...rest } = documentOf(statement);
      expect(period).toMatchObject({ cycleStart: DAY_1, cycleEnd: "2026-04-01T15:00:00.000Z" });
      expect(recomputeStatement({ ...rest, period })).toEqual([]);
    }
    const [first, second] = statements.map(documentOf);
    expect(
      recomputeStatement({ ...second, period: { ...second?.period, cycleStart: second?.period.start } }),
    ).not.toEqual([]);
    expect(first?.lines.find(({ code }) => code === "FEE_FIXED")?.amount).toBe("10.00");
  });

  test("at a boundary splits nothing, and at an instant that is not fifteen minutes ahead is refused", async () => {
    const where = await place();
    app.clock.set("2026-03-03T01:00:00.000Z");
    const before = await periods(app, where);
    for (const instant of ["2026-03-03T01:10:00.000Z", "2026-03-03T00:00:00.000Z"]) {
      await expect(splitAt(where, rate("0.2"), instant)).rejects.toMatchObject({
        code: "VALIDATION",
        details: { path: "/effectiveFrom" },
      });
    }
    expect(await periods(app, where)).toEqual(before);
    await splitAt(where, rate("0.2"), DAY_3);
    const cuts = (all: readonly { startsAt: Date; endsAt: Date }[]) =>
      all.map(({ startsAt, endsAt }) => [startsAt, endsAt]);
    expect(cuts(await periods(app, where)).slice(0, before.length)).toEqual(cuts(before));
  });

  test("may change the cycle: the first part of the new one begins at the instant", async () => {
    const where = await place();
    app.clock.set("2026-03-03T01:00:00.000Z");
    const monthly = { ...example("config-daily-12pct"), cycle: { kind: "MONTHLY", dayOfMonth: 31 } };
    await splitAt(where, monthly, NOON_3);
    const [, , part, april] = await periods(app, where);
    expect(part).toMatchObject({
      ...{ startsAt: new Date(NOON_3), endsAt: new Date("2026-03-30T15:00:00.000Z") },
      cycleStartsAt: new Date("2026-02-27T15:00:00.000Z"),
    });
    expect(april).toMatchObject({ endsAt: new Date("2026-04-29T15:00:00.000Z") });
  });

  test("is taken back by a version from before it, while nothing happened after it", async () => {
    const where = await place();
    const before = await periods(app, where);
    await splitAt(where, rate("0.2"), "2026-03-10T03:00:00.000Z");
    await activate(app, where, rate("0.3"), DAY_2);
    const after = await periods(app, where);
    expect(after.map(({ startsAt, endsAt }) => [startsAt, endsAt])).toEqual(
      before.map(({ startsAt, endsAt }) => [startsAt, endsAt]),
    );
  });
});

describe("planning ahead", () => {
  const gapless = (all: readonly { startsAt: Date; endsAt: Date }[]) =>
    all.every(({ startsAt }, index) => index === 0 || startsAt.getTime() === all[index - 1]?.endsAt.getTime());

  test("by two schedulers at once plans every period once", async () => {
    const where = await place();
    app.clock.set("2026-04-10T00:00:00.000Z");
    await Promise.all([1, 2, 3, 4].map(() => planAheadForAllTenants(app)));
    const planned = await periods(app, where);
    expect(planned).toHaveLength(100); // 2 March to 9 June, the day that holds the sixtieth after 10 April
    expect(gapless(planned)).toBe(true);
  });

  test("after a scheduler was away for longer than the plan leaves no gap, and what fell due is closed", async () => {
    const where = await place();
    app.clock.set("2026-05-20T00:00:00.000Z"); // the plan ended on 30 April
    await planAheadForAllTenants(app);
    const planned = await periods(app, where);
    expect(gapless(planned)).toBe(true);
    expect(planned.filter(({ isBackfill }) => isBackfill)).toEqual([]);
    await closeDue(app, where);
    const closed = await periods(app, where, PeriodState.STATEMENT_ISSUED);
    expect(closed).toHaveLength(79);
    expect(closed.at(-1)?.endsAt).toEqual(new Date("2026-05-19T15:00:00.000Z"));
  });

  test("after a zone's rules changed keeps the instants that stand and joins on without gap or overlap", async () => {
    const where = await place();
    const before = await periods(app, where);
    app.clock.set("2026-04-10T00:00:00.000Z");
    // As if Seoul's clocks had been set back by an hour for good since the plan was made.
    await app.database.query("update partner set timezone = 'Asia/Shanghai' where tenant_id = ? and id = ?", [
      where.tenant.id,
      where.partner.id,
    ]);
    const updated = await openTestApp({ clock: app.clock });
    await planAheadForAllTenants(updated);
    await closeApp(updated);
    const after = await periods(app, where);
    expect(after.slice(0, before.length)).toEqual(before);
    expect(gapless(after)).toBe(true);
    const [joint, next] = after.slice(before.length);
    expect(joint).toMatchObject({ startsAt: before.at(-1)?.endsAt, endsAt: new Date("2026-05-02T16:00:00.000Z") });
    expect(next).toMatchObject({ endsAt: new Date("2026-05-03T16:00:00.000Z") });
  });

  test("a partner whose periods cannot be planned holds up no other", async () => {
    const [broken, where] = [await place(), await place()];
    app.clock.set("2026-04-10T00:00:00.000Z");
    await app.database.query("update configuration set document = '{}' where tenant_id = ? and id = ?", [
      broken.tenant.id,
      broken.configuration.id,
    ]);
    await planAheadForAllTenants(app);
    expect(await periods(app, where)).toHaveLength(100);
    expect(await periods(app, broken)).toHaveLength(61);
  });
});

test("the warnings of stored versions are told without checking each document anew", async () => {
  const { shell, partner } = await place();
  const brackets = [{ upTo: "500", rate: "0.3" }, { rate: "0.2" }];
  const document = { ...example("config-daily-12pct"), share: { kind: "TIERED", mode: "SLAB", brackets } };
  const draft = await draftConfiguration(app, shell, { partnerId: partner.id, document });
  const warnings = warningsIn(draft);
  expect(warnings).not.toEqual([]);
  const refused = JSON.stringify({ ...JSON.parse(draft.document), grace: "P40D" });
  expect(() => parseConfiguration(JSON.parse(refused))).toThrow("grace");
  expect(warningsIn({ document: refused })).toEqual(warnings);
});

test("the shell of one tenant cannot name another tenant's partner", async () => {
  const where = await place();
  const { tenant } = await seedTenant(app);
  const stranger = shellActor({ tenantId: tenant.id, tenantNo: tenant.no }, "req-1");
  const document = example("config-daily-12pct");
  await expect(draftConfiguration(app, stranger, { partnerId: where.partner.id, document })).rejects.toMatchObject({
    code: "NOT_FOUND",
  });
});
