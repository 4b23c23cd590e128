import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { ActType } from "../../src/acts/entities.js";
import { batchesSigned } from "../../src/exchange/compromise/service.js";
import { Batch, BatchState } from "../../src/exchange/entities.js";
import { quarantinesById, rejectQuarantined, releaseQuarantined } from "../../src/exchange/quarantine/service.js";
import { revokeKey } from "../../src/identity/key-revocations/service.js";
import { signingKey } from "../../src/identity/keys/service.js";
import { present } from "../../src/kernel/assert.js";
import { holdCursor } from "../../src/periods/cursors/service.js";
import { transact } from "../../src/platform/database.js";
import { createThreatBlock } from "../../src/threat/blocks/service.js";
import { testApp } from "../support/app.js";
import { actsOf, balances, bet, type Exchange, openExchange, post, send, submit } from "../support/batches.js";

const app = await testApp();

test("revoking a key as compromised quarantines what it signed and was not posted, and lists what was", async () => {
  const place = await openExchange(app);
  const neighbour = await openExchange(app, { home: place.home });
  await send(app, place, [bet()]);
  const since = app.clock.now();
  const posted = await submit(app, place);
  await post(app, place);
  const [waiting, parked, others] = [await submit(app, place), await submit(app, place), await submit(app, neighbour)];
  await app.database.query("update batch set state = 'PARKED', parked_reason = 'x' where tenant_no = ? and no = ?", [
    ...[place.tenant.no, parked.batch.no],
  ]);
  await revoke(place, "COMPROMISED");
  await post(app, place);
  await post(app, neighbour);
  expect(await statesOf(waiting.batch, parked.batch, posted.batch, others.batch)).toEqual([
    ...["QUARANTINED", "QUARANTINED", "POSTED", "POSTED"],
  ]);
  const acts = await actsOf(app, place, ActType.BATCH_QUARANTINED);
  expect(acts.map(({ subjectId }) => subjectId)).toEqual([waiting.batch.id, parked.batch.id]);
  const filter = { kid: place.key.kid, since, state: BatchState.POSTED };
  const { rows } = await batchesSigned(app, place.home.actor, filter, { first: 10 });
  expect(rows.map(({ id }) => id)).toEqual([posted.batch.id]);
  await releaseQuarantined(app, place.home.actor, { batchId: waiting.batch.id, reason: "known to us" });
  await post(app, place);
  expect(await statesOf(waiting.batch)).toEqual(["POSTED"]);
});

test("what was quarantined for another cause is told to be for this one, once, and stays in quarantine", async () => {
  const place = await openExchange(app);
  await createThreatBlock(app, place.home.actor, { partnerId: place.partner.id, reason: "under investigation" });
  const { batch } = await submit(app, place);
  const rejected = await submit(app, place);
  await rejectQuarantined(app, place.home.actor, { batchId: rejected.batch.id, reason: "not ours" });
  await revoke(place, "COMPROMISED");
  const quarantines = await quarantinesById(app, place.home.actor, [batch.id, rejected.batch.id]);
  expect(quarantines).toMatchObject([{ cause: "KEY_COMPROMISED", decision: null }, { cause: "PARTNER_HELD" }]);
  expect(await statesOf(batch, rejected.batch)).toEqual(["QUARANTINED", "REJECTED"]);
  expect(await actsOf(app, place, ActType.BATCH_QUARANTINED)).toMatchObject([
    {
      subjectId: batch.id,
      after: { state: "QUARANTINED", cause: "KEY_COMPROMISED", kid: place.key.kid },
    },
  ]);
});

test("a key revoked for any other reason leaves its batches to be posted", async () => {
  const place = await openExchange(app);
  const { batch } = await submit(app, place);
  await revoke(place, "rotated");
  await post(app, place);
  expect(await statesOf(batch)).toEqual(["POSTED"]);
});

test("what is being posted while the key is revoked is posted first, and not quarantined", async () => {
  const place = await openExchange(app);
  const { batch } = await submit(app, place);
  const revoking = await transact(app, async (tx) => {
    await holdCursor(tx, place.partner); // as posting does
    const revoking = revoke(place, "COMPROMISED");
    const winner = await Promise.race([revoking.then(() => "revoked"), sleep(300).then(() => "posting")]);
    expect(winner).toBe("posting");
    await tx.query("update batch set state = 'POSTED' where tenant_no = ? and no = ?", [place.tenant.no, batch.no]);
    return { done: revoking };
  });
  await revoking.done;
  expect(await statesOf(batch)).toEqual(["POSTED"]);
  expect(await actsOf(app, place, ActType.BATCH_QUARANTINED)).toEqual([]);
});

test("posted and quarantined at once by many, each batch is one of the two", async () => {
  const place = await openExchange(app);
  const batches: Batch[] = [];
  for (let each = 0; each < 12; each++) batches.push((await submit(app, place)).batch);
  await Promise.all([post(app, place), revoke(place, "COMPROMISED"), post(app, place)]);
  await post(app, place);
  const states = await statesOf(...batches);
  expect(states.filter((state) => state !== "POSTED" && state !== "QUARANTINED")).toEqual([]);
  const posted = states.filter((state) => state === "POSTED").length;
  expect((await balances(app, place))["REVENUE"] ?? -BigInt(posted) * 100n).toBe(-BigInt(posted) * 100n);
  expect(await actsOf(app, place, ActType.BATCH_POSTED)).toHaveLength(posted);
  expect(await actsOf(app, place, ActType.BATCH_QUARANTINED)).toHaveLength(batches.length - posted);
});

async function revoke({ tenant, key, home }: Exchange, reason: string): Promise<void> {
  const { id: keyId } = present(await signingKey(app, tenant.id, key.kid), "a registered key");
  await revokeKey(app, home.actor, { keyId, reason });
}

async function statesOf(...batches: readonly Batch[]): Promise<string[]> {
  return Promise.all(
    batches.map(
      async ({ tenantNo, no }) => (await app.database.manager.findOneByOrFail(Batch, { tenantNo, no })).state,
    ),
  );
}
