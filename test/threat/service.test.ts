import { expect, test } from "vitest";
import { ActType } from "../../src/acts/entities.js";
import { Batch, BatchState } from "../../src/exchange/entities.js";
import { exchangeError } from "../../src/exchange/errors.js";
import { QuarantineCause } from "../../src/exchange/quarantine/entities.js";
import { rejectQuarantined, releaseQuarantined } from "../../src/exchange/quarantine/service.js";
import { submitBatch } from "../../src/exchange/submission/service.js";
import { countWaiting } from "../../src/exchange/waiting/service.js";
import { present } from "../../src/kernel/assert.js";
import { sha256 } from "../../src/kernel/digest.js";
import { closeApp } from "../../src/platform/open-app.js";
import { ThreatAssessment, ThreatJudgement } from "../../src/threat/assessments/entities.js";
import { judgeThreatAssessment, thresholdPercentOf } from "../../src/threat/assessments/service.js";
import { ThreatBlock } from "../../src/threat/blocks/entities.js";
import {
  createThreatBlock,
  expireBlocksForAllTenants,
  liftThreatBlock,
  refuseBlocked,
} from "../../src/threat/blocks/service.js";
import { StoredProfile, ThreatFact, ThreatSubject, ThreatVerdict } from "../../src/threat/entities.js";
import { networkNamer, profileOf, rekeyProfilesForAllTenants, saveProfile } from "../../src/threat/profiles/service.js";
import { DEFAULT_RULES } from "../../src/threat/rules.js";
import { senderFacts } from "../../src/threat/senders/service.js";
import { countRefusals } from "../../src/threat/service.js";
import { forgetStanding, standingOf } from "../../src/threat/standing/service.js";
import { openTestApp, testApp } from "../support/app.js";
import {
  actsOf,
  balances,
  bet,
  closeThrough,
  type Exchange,
  onDay,
  openExchange,
  outcomesIn,
  payloadOf,
  post,
  send,
  sign,
  submit,
  totalsOn,
} from "../support/batches.js";
import { seedClient } from "../support/seeds.js";
import { EVERY_BATCH, enforce } from "./place.js";

const app = await testApp();
const { clock, config } = app;
/** Another process on the same database. */
const second = await testApp({ clock, config: { redisPrefix: config.redisPrefix, publicUrl: config.publicUrl } });

const SOON = { timeout: 8_000, interval: 100 };

test("a quarantined batch is kept and receipted without an error, and not posted", async () => {
  const place = await quarantining();
  const { batch, receipt, replayed } = await submit(app, place);
  expect(batch).toMatchObject({ state: BatchState.QUARANTINED, itemCount: 1, postedAt: null });
  expect([receipt.split(".").length, replayed]).toEqual([3, false]);
  expect(await post(app, place)).toMatchObject({ batches: 0, isDrained: true });
  expect(await balances(app, place)).toEqual({});
  const acts = await actsOf(app, place, ActType.BATCH_ACCEPTED, ActType.THREAT_ASSESSED, ActType.BATCH_QUARANTINED);
  expect(acts.map(({ type }) => type)).toEqual([ActType.BATCH_ACCEPTED, ActType.THREAT_ASSESSED]);
  expect(acts[0]).toMatchObject({ subjectId: batch.id, after: { state: "QUARANTINED" } });
  const told = await app.database.manager.findOneByOrFail(ThreatAssessment, { tenantNo: place.tenant.no });
  expect(told).toMatchObject({ subject: ThreatSubject.BATCH, subjectId: batch.id, verdict: "QUARANTINE", score: 100 });
  expect(JSON.parse(told.contributionList)).toEqual([{ rule: "new-key", fact: "NEW_KEY", value: 1, points: 100 }]);
});

test("sent again it answers the same, in quarantine, released and rejected", async () => {
  const place = await quarantining();
  const [jws, other] = [await sign(payloadOf(app, place), place.key), await sign(payloadOf(app, place), place.key)];
  const submitted = (text: string) => submitBatch(app, place.actor, { jws: text, waitMs: 0 });
  const first = await submitted(jws);
  const rejected = await submitted(other);
  const again = await submitted(jws);
  expect(again).toEqual({ ...first, replayed: true });
  await releaseQuarantined(app, place.home.actor, { batchId: first.batch.id, reason: "ours" });
  await rejectQuarantined(app, place.home.actor, { batchId: rejected.batch.id, reason: "not ours" });
  await post(app, place);
  expect(await submitted(jws)).toMatchObject({ receipt: first.receipt, replayed: true, batch: { state: "POSTED" } });
  const after = await submitted(other);
  expect(after).toMatchObject({ receipt: rejected.receipt, replayed: true, batch: { state: "REJECTED" } });
  expect(await actsOf(app, place, ActType.THREAT_ASSESSED)).toHaveLength(2);
});

test("released it posts now, once, late if its period is fenced by then", async () => {
  const place = await quarantining();
  const { batch } = await submit(app, place, { transactions: [bet({ occurredAt: onDay(8) })] });
  expect(await countWaiting(app.database.manager, place.partner, app.clock.now())).toBe(0);
  await closeThrough(app, place, 8);
  await releaseQuarantined(app, place.home.actor, { batchId: batch.id, reason: "ours" });
  await post(app, place);
  await post(app, place);
  expect(await outcomesIn(app, batch)).toEqual(["POSTED"]);
  expect(await totalsOn(app, place, 9)).toEqual({ "BET late": "1 × 100" });
  const acts = await actsOf(app, place, ActType.BATCH_RELEASED, ActType.BATCH_POSTED);
  expect(acts.map(({ type }) => type)).toEqual([ActType.BATCH_RELEASED, ActType.BATCH_POSTED]);
});

test("rejected it never posts, and its ids, which were never taken, may be sent again", async () => {
  const place = await quarantining();
  const item = bet();
  const { batch } = await submit(app, place, { transactions: [item] });
  const decision = { batchId: batch.id, reason: "not ours" };
  expect(await rejectQuarantined(app, place.home.actor, decision)).toMatchObject({ state: BatchState.REJECTED });
  await expect(releaseQuarantined(app, place.home.actor, decision)).rejects.toMatchObject({ code: "VALIDATION" });
  await enforce(app, place.home.actor, []);
  expect(await send(app, place, [item])).toEqual(["POSTED"]);
  expect((await stored(batch)).state).toBe(BatchState.REJECTED);
  expect(await actsOf(app, place, ActType.BATCH_REJECTED)).toMatchObject([{ after: { reason: "not ours" } }]);
});

test("two who decide at once: one decision holds and leaves one act", async () => {
  const place = await quarantining();
  const { batch } = await submit(app, place);
  const decision = { batchId: batch.id, reason: "at once" };
  const deciding = [releaseQuarantined, rejectQuarantined, releaseQuarantined].map((decide, index) =>
    decide([app, second][index % 2] ?? app, place.home.actor, decision),
  );
  const decided = await Promise.allSettled(deciding);
  expect(decided.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  expect(await actsOf(app, place, ActType.BATCH_RELEASED, ActType.BATCH_REJECTED)).toHaveLength(1);
});

test("a batch under review goes on, and the same is told once in ten minutes", async () => {
  const place = await openExchange(app);
  await enforce(app, place.home.actor, [{ ...EVERY_BATCH, points: 60 }]);
  expect(await send(app, place, [bet()])).toEqual(["POSTED"]);
  expect(await send(app, place, [bet()])).toEqual(["POSTED"]);
  clock.advance(11 * 60_000);
  expect(await send(app, place, [bet()])).toEqual(["POSTED"]);
  const acts = await actsOf(app, place, ActType.THREAT_ASSESSED);
  expect(acts.map(({ after }) => after["verdict"])).toEqual(["REVIEW", "REVIEW"]);
});

test("a verdict on a batch that was not stored after all was not told, and the next one like it is", async () => {
  const place = await openExchange(app);
  await enforce(app, place.home.actor, [{ ...EVERY_BATCH, points: 60 }]);
  await app.database.query("rename table threat_assessment to threat_assessment_away");
  try {
    await expect(submit(app, place)).rejects.toMatchObject({ code: "ER_NO_SUCH_TABLE" });
  } finally {
    await app.database.query("rename table threat_assessment_away to threat_assessment");
  }
  expect(await actsOf(app, place, ActType.BATCH_ACCEPTED, ActType.THREAT_ASSESSED)).toEqual([]);
  await submit(app, place);
  await submit(app, place);
  const acts = await actsOf(app, place, ActType.BATCH_ACCEPTED, ActType.THREAT_ASSESSED);
  const [accepted, assessed] = [ActType.BATCH_ACCEPTED, ActType.THREAT_ASSESSED];
  expect(acts.map(({ type }) => type)).toEqual([accepted, assessed, accepted]);
});

test("a partner without rules of its tenant's and without a past is held up by nothing", async () => {
  const place = await openExchange(app);
  const items = Array.from({ length: 300 }, () => bet({ amount: "99999.00" }));
  expect(new Set(await send(app, place, items))).toEqual(new Set(["POSTED"]));
  expect(await actsOf(app, place, ActType.THREAT_ASSESSED)).toEqual([]);
});

test("rules are in force in another process within seconds, without a restart", async () => {
  const place = await openExchange(app);
  expect((await submit(second, place)).batch.state).toBe(BatchState.ACCEPTED);
  await enforce(app, place.home.actor, [EVERY_BATCH]);
  const state = async () => (await submit(second, place)).batch.state;
  await expect.poll(state, SOON).toBe(BatchState.QUARANTINED);
});

test("rules that cannot be read leave their tenant with those from before, and hurt no other", async () => {
  const place = await quarantining();
  const neighbour = await openExchange(app);
  const good = (await standingOf(app)).rulesOf(place.tenant.no);
  const { id } = await enforce(app, place.home.actor, []);
  const cut = "update threat_rules set document = '{\"version\":2}' where tenant_no = ? and id = ?";
  await app.database.query(cut, [place.tenant.no, id]);
  forgetStanding(app);
  expect((await standingOf(app)).rulesOf(place.tenant.no)).toEqual(good);
  expect((await submit(app, place)).batch.state).toBe(BatchState.QUARANTINED);
  expect(await send(app, neighbour, [bet()])).toEqual(["POSTED"]);
  const started = await openTestApp({ clock });
  try {
    expect((await standingOf(started)).rulesOf(place.tenant.no)).toEqual({ id: null, rules: DEFAULT_RULES });
  } finally {
    await closeApp(started);
  }
  await app.database.query("update threat_rules set state = 'SUPERSEDED' where id = ?", [id]);
});

test("a verdict that could not be kept is told the next time, and what led to it is not forgotten", async () => {
  const place = await openExchange(app);
  await enforce(app, place.home.actor, [FAILING]);
  await app.database.query("rename table threat_assessment to threat_assessment_away");
  try {
    await fail(place, 6);
  } finally {
    await app.database.query("rename table threat_assessment_away to threat_assessment");
  }
  await refuseBlocked(app, place.actor);
  expect(senderFacts(app, place.actor).get(ThreatFact.SIGNATURE_FAILURES)).toBeCloseTo(6, 1);
  await fail(place, 1);
  await expect(refuseBlocked(app, place.actor)).rejects.toMatchObject({ code: "QUARANTINED" });
});

test("who signs with what is another's counts against the sender, and the owner of the key goes on", async () => {
  const place = await openExchange(app);
  const attacker = await openExchange(app, { home: place.home });
  await enforce(app, place.home.actor, [FAILING]);
  for (let each = 0; each < 6; each++) {
    const jws = await sign(payloadOf(app, attacker), place.key);
    await expect(submitBatch(app, attacker.actor, { jws, waitMs: 0 })).rejects.toMatchObject({ code: "KEY_NOT_OWNED" });
  }
  expect(senderFacts(app, place.actor).size).toBe(0);
  await expect(refuseBlocked(app, attacker.actor)).rejects.toMatchObject({ code: "QUARANTINED", retryable: true });
  await refuseBlocked(app, place.actor);
  expect(await send(app, place, [bet()])).toEqual(["POSTED"]);
  const blocks = await app.database.manager.findBy(ThreatBlock, { tenantNo: place.tenant.no });
  expect(blocks).toMatchObject([{ subjectId: attacker.client.id, blockedBy: "system", reason: "failing" }]);
});

test("a block holds in every process within seconds, ends at its instant, and leaves two acts", async () => {
  const place = await openExchange(app);
  await enforce(app, place.home.actor, [FAILING]);
  await fail(place, 6);
  await expect(refuseBlocked(app, place.actor)).rejects.toMatchObject({
    details: { retryAfterMs: expect.any(Number) },
  });
  const blocked = () =>
    refuseBlocked(second, place.actor).then(
      () => false,
      () => true,
    );
  await expect.poll(blocked, SOON).toBe(true);
  clock.advance(15 * 60_000);
  await refuseBlocked(app, place.actor);
  await refuseBlocked(second, place.actor);
  await Promise.all([expireBlocksForAllTenants(app), expireBlocksForAllTenants(second)]);
  const acts = await actsOf(app, place, ActType.THREAT_BLOCKED, ActType.THREAT_BLOCK_LIFTED);
  expect(acts.map(({ type }) => type)).toEqual([ActType.THREAT_BLOCKED, ActType.THREAT_BLOCK_LIFTED]);
  await fail(place, 6);
  await expect(refuseBlocked(app, place.actor)).rejects.toMatchObject({ code: "QUARANTINED" });
});

test("a person blocks and lifts, once each, and not itself", async () => {
  const place = await openExchange(app);
  const admin = await seedClient(app, place.home.actor, null);
  const wanted = { clientId: place.client.id, reason: "stolen laptop" };
  const { id } = await createThreatBlock(app, admin.actor, wanted);
  await expect(createThreatBlock(app, admin.actor, wanted)).rejects.toMatchObject({ code: "VERSION_CONFLICT" });
  await expect(refuseBlocked(app, place.actor)).rejects.toMatchObject({ code: "QUARANTINED", details: {} });
  const self = { clientId: admin.client.id, reason: "by mistake" };
  await expect(createThreatBlock(app, admin.actor, self)).rejects.toMatchObject({ code: "FORBIDDEN" });
  clock.advance(365 * 86_400_000);
  await expect(refuseBlocked(app, place.actor)).rejects.toMatchObject({ code: "QUARANTINED" });
  await liftThreatBlock(app, admin.actor, { threatBlockId: id, reason: "found" });
  await refuseBlocked(app, place.actor);
  const lifting = liftThreatBlock(app, admin.actor, { threatBlockId: id, reason: "found" });
  await expect(lifting).rejects.toMatchObject({ code: "VERSION_CONFLICT" });
});

test("all that a held partner sends is kept in quarantine, and its neighbour's is posted", async () => {
  const place = await openExchange(app);
  const neighbour = await openExchange(app, { home: place.home });
  await createThreatBlock(app, place.home.actor, { partnerId: place.partner.id, reason: "under investigation" });
  const { batch } = await submit(app, place);
  expect(batch.state).toBe(BatchState.QUARANTINED);
  expect(await causesIn(place)).toEqual([QuarantineCause.PARTNER_HELD]);
  expect(await send(app, neighbour, [bet()])).toEqual(["POSTED"]);
  await refuseBlocked(app, place.actor); // it may ask
});

test("names guessed by the hundred block who guesses", async () => {
  const place = await openExchange(app);
  const refused = () => Array.from({ length: 100 }, () => exchangeError("NOT_FOUND", { what: "batch" }));
  for (let each = 0; each < 15; each++) await countRefusals(app, place.actor, refused());
  await refuseBlocked(app, place.actor);
  for (let each = 0; each < 10; each++) await countRefusals(app, place.actor, refused());
  await expect(refuseBlocked(app, place.actor)).rejects.toMatchObject({ code: "QUARANTINED" });
  const acts = await actsOf(app, place, ActType.THREAT_ASSESSED);
  expect(acts.map(({ after }) => after["verdict"])).toEqual(["REVIEW", "QUARANTINE"]);
});

test("a dismissed verdict makes that partner's thresholds more patient, a confirmed one less, each once", async () => {
  const place = await quarantining();
  const neighbour = await openExchange(app, { home: place.home });
  await enforce(app, place.home.actor, [{ ...EVERY_BATCH, points: 85 }]);
  await submit(app, place);
  const told = await app.database.manager.findOneByOrFail(ThreatAssessment, { partnerNo: place.partner.no });
  const judging = { threatAssessmentId: told.id, judgement: ThreatJudgement.DISMISSED, reason: "a new game" };
  const judged = await judgeThreatAssessment(app, place.home.actor, judging);
  expect([judged.judgement, await thresholdPercentOf(app, judged)]).toEqual(["DISMISSED", 105]);
  const again = judgeThreatAssessment(app, place.home.actor, { ...judging, judgement: ThreatJudgement.CONFIRMED });
  await expect(again).rejects.toMatchObject({ code: "VERSION_CONFLICT" });
  expect((await submit(app, place)).batch.state).toBe(BatchState.ACCEPTED);
  expect((await submit(app, neighbour)).batch.state).toBe(BatchState.QUARANTINED);
  const [act] = await actsOf(app, place, ActType.THREAT_JUDGED);
  expect(act?.after).toMatchObject({ judgement: "DISMISSED", reason: "a new game", thresholdPercent: 105 });
});

test("a partner that sends everything twice is told of", async () => {
  const place = await openExchange(app);
  const items = Array.from({ length: 600 }, () => bet());
  await send(app, place, items);
  expect(await actsOf(app, place, ActType.THREAT_ASSESSED)).toEqual([]);
  for (let each = 0; each < 6; each++) await send(app, place, items);
  const [act, ...more] = await actsOf(app, place, ActType.THREAT_ASSESSED);
  expect(act?.after).toMatchObject({ subject: ThreatSubject.PARTNER, verdict: ThreatVerdict.REVIEW });
  expect(more).toEqual([]);
});

test("a process that starts knows what another one had learned, and unreadable snapshots are no past", async () => {
  const place = await openExchange(app);
  await submit(app, place);
  await submit(app, place);
  await saveProfile(app, place.partner);
  const learned = (await profileOf(app, place.partner)).stored();
  expect(learned.batches).toBe(2);
  expect((await profileOf(second, place.partner)).stored()).toEqual(learned);
  await app.database.query("update threat_profile set profile = '{}' where tenant_no = ?", [place.tenant.no]);
  const third = await openTestApp({ clock });
  try {
    expect((await profileOf(third, place.partner)).stored().batches).toBe(0);
  } finally {
    await closeApp(third);
  }
});

test("networks are kept by a name that only the tenant's key gives, those of a release before too", async () => {
  const place = await openExchange(app);
  await submit(app, { ...place, actor: { ...place.actor, address: "192.0.2.7" } });
  await saveProfile(app, place.partner);
  const plain = sha256("192.0.2").toString("base64url").slice(0, 12);
  const stored = async () => {
    const where = { tenantNo: place.tenant.no };
    return JSON.parse((await app.database.manager.findOneByOrFail(StoredProfile, where)).profile);
  };
  const { networks, ...rest } = await stored();
  expect(networks.names).toEqual([expect.any(String)]);
  expect(networks.names).not.toContain(plain);
  const nameOf = await networkNamer(app, place.tenant.id);
  const { tenant: another } = await openExchange(app);
  expect(networks.names).toEqual([nameOf("192.0.2.250")]);
  expect((await networkNamer(app, another.id))("192.0.2.7")).not.toBe(networks.names[0]);
  const before = JSON.stringify({ ...rest, v: 1, networks: { ...networks, names: [plain] } });
  const age = () =>
    app.database.query("update threat_profile set profile = ? where tenant_no = ?", [before, place.tenant.no]);
  await age();
  const third = await openTestApp({ clock });
  try {
    expect((await profileOf(third, place.partner)).stored().networks.names).toEqual(networks.names);
  } finally {
    await closeApp(third);
  }
  await age();
  expect(await rekeyProfilesForAllTenants(app)).toBeGreaterThan(0);
  expect(await stored()).toEqual({ ...rest, networks });
  expect(await rekeyProfilesForAllTenants(app)).toBe(0);
});

test("what is quarantined is not learned, and counts against who sent it", async () => {
  const place = await quarantining();
  for (let each = 0; each < 3; each++) await submit(app, place);
  expect((await profileOf(app, place.partner)).stored().batches).toBe(0);
  expect(senderFacts(app, place.actor).get(ThreatFact.QUARANTINED_BATCHES)).toBeCloseTo(3, 1);
});

const FAILING = {
  id: "failing",
  subject: ThreatSubject.CLIENT,
  fact: ThreatFact.SIGNATURE_FAILURES,
  from: 5,
  full: 5,
  points: 100,
};

async function quarantining(): Promise<Exchange> {
  const place = await openExchange(app);
  await enforce(app, place.home.actor, [EVERY_BATCH]);
  return place;
}

/** Batches with the signature of another. */
async function fail(place: Exchange, times: number): Promise<void> {
  for (let each = 0; each < times; each++) {
    const [one, other] = [await sign(payloadOf(app, place), place.key), await sign(payloadOf(app, place), place.key)];
    const jws = `${one.slice(0, one.lastIndexOf("."))}${other.slice(other.lastIndexOf("."))}`;
    const refused = submitBatch(app, place.actor, { jws, waitMs: 0 });
    await expect(refused).rejects.toMatchObject({ code: "SIGNATURE_INVALID" });
  }
}

async function stored({ no, tenantNo }: Batch): Promise<Batch> {
  return present(await app.database.manager.findOneBy(Batch, { no, tenantNo }), "a batch");
}

async function causesIn({ tenant }: Exchange): Promise<string[]> {
  const rows: { cause: string }[] = await app.database.query(
    "select cause from batch_quarantine where tenant_no = ? order by batch_id",
    [tenant.no],
  );
  return rows.map(({ cause }) => cause);
}
