import { AbstractLogger } from "typeorm";
import { beforeEach, expect, test } from "vitest";
import { ActType } from "../../src/acts/entities.js";
import { unpackEnvelope } from "../../src/exchange/packing.js";
import { postBatches } from "../../src/exchange/posting/service.js";
import { type Submission, submitBatch } from "../../src/exchange/submission/service.js";
import { revokeKey } from "../../src/identity/key-revocations/service.js";
import { present } from "../../src/kernel/assert.js";
import type { App } from "../../src/platform/app.js";
import { testApp } from "../support/app.js";
import { actsOf, bet, type Exchange, openExchange, payloadOf, type Signer, sign } from "../support/batches.js";
import { seedClient } from "../support/seeds.js";

/** Counts the statements that store batches. */
class Inserts extends AbstractLogger {
  count = 0;

  override logQuery(query: string): void {
    if (query.startsWith("insert into batch (")) this.count += 1;
  }

  protected override writeLog(): void {
    // counting is all it is for
  }
}

const inserts = new Inserts();
const app = await testApp({ sqlLogger: inserts });
const replica = await testApp({ clock: app.clock });
const BATCHES = 30;
let place: Exchange;

beforeEach(async () => {
  place = await openExchange(app);
});

function signed(from: Signer, count: number): Promise<string[]> {
  const payloads = Array.from({ length: count }, () => payloadOf(app, from, { transactions: [bet(), bet()] }));
  return Promise.all(payloads.map((payload) => sign(payload, from.key)));
}

function submit(on: App, { actor }: Signer, jws: string): Promise<Submission> {
  return submitBatch(on, actor, { jws, waitMs: 0 });
}

async function envelopeOf({ batch }: Submission): Promise<string> {
  const [{ envelope }] = await app.database.query(
    "select envelope from batch_content where tenant_no = ? and batch_no = ?",
    [batch.tenantNo, batch.no],
  );
  return unpackEnvelope(envelope);
}

test("batches that come at once share transactions, and each is stored and told of as if alone", async () => {
  const batches = await signed(place, BATCHES);
  inserts.count = 0;
  const submissions = await Promise.all(batches.map((jws) => submit(app, place, jws)));
  expect(inserts.count).toBeLessThan(BATCHES);
  expect(new Set(submissions.map(({ batch }) => batch.no)).size).toBe(BATCHES);
  for (const [index, submission] of submissions.entries()) {
    expect(await envelopeOf(submission)).toBe(batches[index]);
    expect(await submit(replica, place, present(batches[index], "a batch"))).toMatchObject({
      ...{ replayed: true, receipt: submission.receipt },
    });
  }
  const acts = await actsOf(app, place, ActType.BATCH_ACCEPTED);
  const told = acts.map(({ subjectId, after }) => `${subjectId} ${String(after["jti"])}`).sort();
  expect(told).toEqual(submissions.map(({ batch }) => `${batch.id} ${batch.jti}`).sort());
  expect(await postBatches(app, place.partner)).toMatchObject({ batches: BATCHES, items: 2 * BATCHES });
});

test("a key that is revoked refuses its own batches and no other's", async () => {
  const other: Signer = { ...place, ...(await seedClient(app, place.home.actor, place.partner.id)) };
  await Promise.all([place, other].map(async (from) => submit(app, from, present((await signed(from, 1))[0], "one"))));
  const [{ id }] = await app.database.query("select id from client_key where tenant_id = ? and kid = ?", [
    place.tenant.id,
    other.key.kid,
  ]);
  await revokeKey(replica, place.home.actor, { keyId: id, reason: "lost" });
  const sent = await Promise.all([place, other].map((from) => signed(from, 10)));
  const outcomes = await Promise.allSettled(
    sent.flatMap((batches, index) => batches.map((jws) => submit(app, index === 0 ? place : other, jws))),
  );
  const told = outcomes.map((outcome) => (outcome.status === "fulfilled" ? "accepted" : outcome.reason.code));
  expect(told).toEqual([...Array(10).fill("accepted"), ...Array(10).fill("KEY_REVOKED")]);
});

test("the same batches sent to two processes at once are stored once, and fail nobody who shares", async () => {
  const batches = await signed(place, BATCHES);
  const submissions = await Promise.all(
    [app, replica].map((on) => Promise.all(batches.map((jws) => submit(on, place, jws)))),
  );
  const [here = [], there = []] = submissions;
  expect(here.map(({ batch }) => batch.no)).toEqual(there.map(({ batch }) => batch.no));
  expect(here.map(({ receipt }) => receipt)).toEqual(there.map(({ receipt }) => receipt));
  expect(here.filter(({ replayed }, index) => replayed === there[index]?.replayed)).toEqual([]);
  expect(await actsOf(app, place, ActType.BATCH_ACCEPTED)).toHaveLength(BATCHES);
});
