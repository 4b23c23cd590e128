import { describe, expect, test } from "vitest";
import { shellActor } from "../../src/kernel/actor.js";
import { PeriodState } from "../../src/periods/entities.js";
import {
  activateConfiguration,
  configurationOf,
  draftConfiguration,
  planAheadForAllTenants,
} from "../../src/settlement/configurations/service.js";
import { closeDuePeriods, settle } from "../../src/settlement/runs/service.js";
import { testApp } from "../support/app.js";
import { example } from "../support/contracts.js";
import { seedClient, seedTenant } from "../support/seeds.js";
import { activate, openPlace, type Place, periods } from "./place.js";

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
    await expect(activateConfiguration(app, author.actor, activation)).rejects.toMatchObject({ code: "FORBIDDEN" });
    expect(await activateConfiguration(app, approver.actor, activation)).toMatchObject({
      state: "ACTIVE",
      draftedBy: author.client.id,
      activatedBy: approver.client.id,
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
    await closeDuePeriods(app, where.shell, where.partner.id);
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

test("the shell of one tenant cannot name another tenant's partner", async () => {
  const where = await place();
  const { tenant } = await seedTenant(app);
  const stranger = shellActor({ tenantId: tenant.id, tenantNo: tenant.no }, "req-1");
  const document = example("config-daily-12pct");
  await expect(draftConfiguration(app, stranger, { partnerId: where.partner.id, document })).rejects.toMatchObject({
    code: "NOT_FOUND",
  });
});
