import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Batch, BatchState } from "../../src/exchange/entities.js";
import { nextAt, paceMs, type Sight } from "../../src/exchange/pacing/rules.js";
import { BACKLOG_DEFAULTS } from "../../src/platform/config.js";
import { testApp } from "../support/app.js";
import { openExchange, post, submit } from "../support/batches.js";
import { seedTenant } from "../support/seeds.js";

const app = await testApp({ config: { backlog: { ...BACKLOG_DEFAULTS, behindMs: 0 } } });
const START: Sight = { atMs: 0, accepted: 1_000, waiting: 50, own: 0 };

describe("the pace of those who are behind", () => {
  test("is that of posting and a tenth more", () => {
    expect(paceMs(START, { atMs: 2_200, accepted: 1_300, waiting: 150, own: 300 })).toBeCloseTo(10); // 200 were posted
  });

  test("of all processes together is as much, whatever share of the batches each of them took in", () => {
    const shares = fc.array(fc.integer({ min: 1, max: 500 }), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(shares, fc.double({ min: 0.01, max: 1, noNaN: true }), (taken, postedOfThem) => {
        const all = taken.reduce((sum, own) => sum + own, 0);
        const posted = Math.max(Math.floor(all * postedOfThem), 1);
        const now = { atMs: 1_000, accepted: 1_000 + all, waiting: 50 + all - posted };
        const perSecond = taken.map((own) => 1_000 / paceMs(START, { ...now, own }));
        expect(perSecond.reduce((sum, each) => sum + each, 0) / posted).toBeCloseTo(1.1);
      }),
    );
  });

  test.each<[string, Partial<Sight>]>([
    ["nothing is posted", { waiting: 350 }],
    ["this process took nothing in", { own: 0 }],
    ["nothing waits", { accepted: null, waiting: 0 }],
  ])("does not hold anything up where %s", (_what, now) => {
    expect(paceMs(START, { atMs: 2_000, accepted: 1_300, waiting: 150, own: 300, ...now })).toBe(0);
  });

  test("gives each the turn after the last, never one that is over, and none later than in five seconds", () => {
    expect(nextAt(Number.NEGATIVE_INFINITY, 40, 1_000)).toBe(1_000);
    expect(nextAt(1_000, 40, 1_000)).toBe(1_040);
    expect(nextAt(1_040, 40, 2_000)).toBe(2_000);
    expect(nextAt(5_990, 40, 1_000)).toBe(6_000);
  });
});

test("batches of a partner who is behind are held up, and every one of them is accepted and posted", async () => {
  const home = await seedTenant(app);
  const [place, neighbour] = [await openExchange(app, { home }), await openExchange(app, { home })];
  await submit(app, neighbour); // waits all the time
  const heldSeconds = async () => {
    const text = await app.metrics.registry.getSingleMetricAsString("quittance_batch_held_up_seconds");
    return Number(/^quittance_batch_held_up_seconds_sum (.*)$/m.exec(text)?.[1] ?? 0);
  };
  const submitted: string[] = [];
  do {
    const together = await Promise.all([submit(app, place), submit(app, place), submit(app, place)]);
    submitted.push(...together.map(({ batch }) => batch.id));
    await post(app, place);
    await sleep(20);
  } while ((await heldSeconds()) === 0);
  const posted = await app.database.manager.findBy(Batch, { tenantNo: home.tenant.no, state: BatchState.POSTED });
  expect(posted.map(({ id }) => id).toSorted()).toEqual(submitted.toSorted());
});
