import fc from "fast-check";
import { expect, test } from "vitest";
import { present } from "../../src/kernel/assert.js";
import type { App } from "../../src/platform/app.js";
import { ThreatAssessment } from "../../src/threat/assessments/entities.js";
import { ThreatBlock } from "../../src/threat/blocks/entities.js";
import { refuseBlocked } from "../../src/threat/blocks/service.js";
import { ThreatFact, ThreatSubject } from "../../src/threat/entities.js";
import { countAgainst, senderFacts } from "../../src/threat/senders/service.js";
import { countOutcomes } from "../../src/threat/service.js";
import { forgetStanding } from "../../src/threat/standing/service.js";
import { Tally } from "../../src/threat/tallies/rules.js";
import { clearTally, shareSoon, shareTallies } from "../../src/threat/tallies/service.js";
import { testApp } from "../support/app.js";
import { openExchange } from "../support/batches.js";
import { enforce } from "./place.js";

const app = await testApp();
const { clock, config } = app;
const second = await testApp({ clock, config: { redisPrefix: config.redisPrefix, publicUrl: config.publicUrl } });
const both = [app, second] as const;
/** Rules and blocks count in both at once; in a few seconds they would by themselves. */
const refresh = () => {
  for (const each of both) forgetStanding(each);
};
const { SIGNATURE_FAILURES } = ThreatFact;
const FAILING = {
  ...{ id: "failing", subject: ThreatSubject.CLIENT, fact: SIGNATURE_FAILURES, from: 10, full: 10, points: 100 },
};

test("what a client did to one process is known to all, and halves in all of them", async () => {
  const { actor } = await openExchange(app);
  await countAgainst(app, actor, SIGNATURE_FAILURES, 8);
  const known = async (at: App) => {
    await shareTallies(at);
    return senderFacts(at, actor).get(SIGNATURE_FAILURES);
  };
  expect(await known(app)).toBeCloseTo(8, 1);
  await countAgainst(second, actor, SIGNATURE_FAILURES, 4);
  expect(await known(second)).toBeCloseTo(12, 1);
  await countAgainst(app, actor, SIGNATURE_FAILURES);
  expect(await known(app)).toBeCloseTo(13, 1);
  clock.advance(600_000);
  await countAgainst(second, actor, SIGNATURE_FAILURES);
  expect(await known(second)).toBeCloseTo(7.5, 1);
});

test("who is too much for all together is blocked, though for none alone, and begins anew in all", async () => {
  const place = await openExchange(app);
  await enforce(app, place.home.actor, [FAILING]);
  refresh();
  for (const each of both) await countAgainst(each, place.actor, SIGNATURE_FAILURES, 6);
  for (const each of [...both, ...both]) await shareTallies(each);
  refresh();
  for (const each of both)
    await expect(refuseBlocked(each, place.actor)).rejects.toMatchObject({ code: "QUARANTINED" });
  const blocks = await app.database.manager.findBy(ThreatBlock, { tenantNo: place.tenant.no });
  expect(blocks).toMatchObject([{ subjectId: place.client.id, reason: "failing" }]);
  await countAgainst(app, place.actor, ThreatFact.REPLAYS);
  await shareTallies(app);
  for (const each of both) expect(senderFacts(each, place.actor).get(SIGNATURE_FAILURES)).toBeUndefined();
});

test("what was asked for before a tally began anew says nothing of it any more", async () => {
  const tally = new Tally(600_000);
  tally.add("failures", 99, clock.now().getTime());
  shareSoon(app, { key: "asked-before", tally, shared: () => undefined });
  const sharing = shareTallies(app);
  await Promise.resolve().then(() => undefined); // it was sent
  await clearTally(app, "asked-before", tally);
  await sharing;
  expect(tally.at("failures", clock.now().getTime())).toBe(0);
  tally.add("failures", 1, clock.now().getTime());
  shareSoon(app, { key: "asked-before", tally, shared: () => undefined });
  await shareTallies(app);
  expect(tally.at("failures", clock.now().getTime())).toBeCloseTo(1);
});

test("the same is told once, whichever processes find it", async () => {
  const place = await openExchange(app);
  await enforce(app, place.home.actor, [{ ...FAILING, points: 60 }]);
  refresh();
  for (const each of both) await countAgainst(each, place.actor, SIGNATURE_FAILURES, 12);
  for (const each of both) await shareTallies(each);
  const told = await app.database.manager.findBy(ThreatAssessment, { tenantNo: place.tenant.no });
  expect(told).toMatchObject([{ verdict: "REVIEW" }]);
});

test("a partner whose items go to two workers is judged by all of them", async () => {
  const place = await openExchange(app);
  const rule = { ...FAILING, id: "twice", subject: ThreatSubject.PARTNER, fact: ThreatFact.DUPLICATE_RATIO };
  await enforce(app, place.home.actor, [{ ...rule, from: 0.5, full: 0.5 }]);
  refresh();
  for (const each of both) await countOutcomes(each, place.actor, place.partner, { items: 600, duplicates: 400 });
  for (const each of both) await shareTallies(each);
  expect(await app.database.manager.countBy(ThreatBlock, { tenantNo: place.tenant.no })).toBe(1);
});

test("however many are due at once, each has its turn", async () => {
  const shared: string[] = [];
  const tallies = Array.from({ length: 2_500 }, () => new Tally<string>(600_000));
  for (const [each, tally] of tallies.entries()) {
    tally.add("x", 1, clock.now().getTime());
    const key = `test:${each}`;
    shareSoon(app, { key, tally, shared: () => void shared.push(key) });
  }
  await shareTallies(app);
  expect(shared).toHaveLength(2_500);
  expect(await app.redis.hget(`${config.redisPrefix}:threat:test:2499`, "x")).toMatch(/^(1|0\.99)/);
});

test("what is asked of somebody who did nothing leaves nothing in Redis", async () => {
  const { actor } = await openExchange(app);
  senderFacts(app, actor);
  await shareTallies(app);
  expect(await app.redis.exists(`${config.redisPrefix}:threat:client:${actor.tenantNo}:${actor.principalId}`)).toBe(0);
});

test("whatever is lost between processes, a tally is never less than its own count, nor more than all together", () => {
  const step = fc.record({ who: fc.nat(1), does: fc.constantFrom("add", "share", "lose the answer", "flush") });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const parties = [0, 1].map(() => ({ tally: new Tally<"x">(1_000), own: 0 }));
      let stored = 0;
      for (const { who, does } of steps) {
        const party = present(parties[who], "one of two");
        if (does === "add") {
          party.tally.add("x", 1, 0);
          party.own += 1;
        }
        if (does === "flush") stored = 0;
        if (does.endsWith("share") || does.endsWith("answer")) {
          stored += party.tally.takeUntold(0).reduce((sum, [, value]) => sum + value, 0);
        }
        const never = Number.NEGATIVE_INFINITY;
        const shared = { totals: new Map([["x", stored]]), clearedAtMs: never, liftedAtMs: never };
        if (does === "share") party.tally.takeShared(shared, 0);
        const all = parties.reduce((sum, { own }) => sum + own, 0);
        const isWithin = ({ tally, own }: typeof party) => tally.at("x", 0) >= own && tally.at("x", 0) <= all;
        expect(parties.every(isWithin)).toBe(true);
      }
    }),
  );
});
