import { compactVerify } from "jose";
import { beforeEach, describe, expect, test } from "vitest";
import { ActType } from "../../src/acts/entities.js";
import { BatchState } from "../../src/exchange/entities.js";
import { unpackEnvelope } from "../../src/exchange/packing.js";
import { postBatches } from "../../src/exchange/posting/service.js";
import { submitBatch } from "../../src/exchange/submission/service.js";
import { revokeKey } from "../../src/identity/key-revocations/service.js";
import { platformSigner } from "../../src/identity/platform-keys/service.js";
import { sha256 } from "../../src/kernel/digest.js";
import { newKey } from "../identity/signing.js";
import { testApp } from "../support/app.js";
import {
  actsOf,
  bet,
  type Exchange,
  openExchange,
  outcomesIn,
  payloadOf,
  type Sent,
  sign,
  submit,
} from "../support/batches.js";
import { seedClient } from "../support/seeds.js";

const app = await testApp();
const replica = await testApp({ clock: app.clock });
let place: Exchange;

beforeEach(async () => {
  place = await openExchange(app);
});

async function submitText(jws: string, from = place) {
  return submitBatch(app, from.actor, { jws, waitMs: 0 });
}

async function countOf(table: "batch" | "transaction" | "entry"): Promise<number> {
  const [{ count }] = await app.database.query(`select count(*) as count from ${table} where tenant_no = ?`, [
    place.tenant.no,
  ]);
  return Number(count);
}

/** It is refused with that code, nothing is stored of it, and one act says so. */
async function expectRefusal(submitting: Promise<unknown>, expected: Sent): Promise<void> {
  await expect(submitting).rejects.toMatchObject(expected);
  await postBatches(app, place.partner);
  expect([await countOf("batch"), await countOf("transaction"), await countOf("entry")]).toEqual([0, 0, 0]);
  const acts = await actsOf(app, place, ActType.BATCH_REFUSED);
  expect(acts.map(({ after }) => after["code"])).toEqual([expected["code"]]);
}

describe("a batch that is refused posts nothing, leaves one act and says why", () => {
  test("unsigned", async () => {
    const [header, payload] = (await sign(payloadOf(app, place), place.key)).split(".");
    const none = Buffer.from(JSON.stringify({ alg: "none", kid: place.key.kid, typ: "quittance-batch+jws" }));
    const details = { check: "SIGNATURE", kid: place.key.kid };
    await expectRefusal(submitText(`${header}.${payload}.`), { code: "SIGNATURE_INVALID", details });
    await expect(submitText(`${none.toString("base64url")}.${payload}.`)).rejects.toMatchObject({
      code: "SIGNATURE_INVALID",
      details: { check: "ALG" },
    });
  });

  test("signed by another key under the partner's kid", async () => {
    const jws = await sign(payloadOf(app, place), { ...(await newKey()), kid: place.key.kid });
    const details = { check: "SIGNATURE", kid: place.key.kid };
    await expectRefusal(submitText(jws), { code: "SIGNATURE_INVALID", details });
  });

  test("signed by a key that nobody registered", async () => {
    await expectRefusal(submitText(await sign(payloadOf(app, place), await newKey())), { code: "KEY_UNKNOWN" });
  });

  test("signed by another partner's key", async () => {
    const other = await openExchange(app, { home: place.home });
    await expectRefusal(submitText(await sign(payloadOf(app, place), other.key)), { code: "KEY_NOT_OWNED" });
  });

  test("signed by another partner and sent with this one's token", async () => {
    const other = await openExchange(app, { home: place.home });
    const jws = await sign(payloadOf(app, other), other.key);
    await expectRefusal(submitText(jws), { code: "KEY_NOT_OWNED", details: { path: "/iss" } });
  });

  test("signed by a revoked key", async () => {
    const jws = await sign(payloadOf(app, place), place.key);
    await revoke(place);
    await expectRefusal(submitText(jws), { code: "KEY_REVOKED" });
  });

  test.each([-301, 301])("issued %i seconds from now", async (seconds) => {
    const iat = Math.floor(app.clock.now().getTime() / 1000) + seconds;
    await expectRefusal(submit(app, place, { iat }), { code: "CLOCK_SKEW", details: { path: "/iat" } });
  });

  test("with one byte of the payload altered", async () => {
    const [header, payload = "", signature] = (await sign(payloadOf(app, place), place.key)).split(".");
    const text = Buffer.from(payload, "base64url").toString().replace('"1.00"', '"9.00"');
    const altered = `${header}.${Buffer.from(text).toString("base64url")}.${signature}`;
    await expectRefusal(submitText(altered), { code: "SIGNATURE_INVALID", details: { check: "SIGNATURE" } });
  });

  test("with a JSON member twice", async () => {
    const text = JSON.stringify(payloadOf(app, place)).replace('"amount":', '"amount":"0.01","amount":');
    const details = { path: "/transactions/0/amount", reason: "occurs twice" };
    await expectRefusal(submitText(await sign(text, place.key)), { code: "VALIDATION", details });
  });

  test("with an unknown member beside the transactions", async () => {
    await expectRefusal(submit(app, place, { nonce: "x" }), { code: "VALIDATION", details: { path: "/nonce" } });
  });

  test("with 10,001 transactions", async () => {
    const transactions = Array.from({ length: 10_001 }, () => bet());
    const details = { path: "/transactions", max: 10_000 };
    await expectRefusal(submit(app, place, { transactions }), { code: "LIMIT_EXCEEDED", details });
  });

  test("of 9 MB", async () => {
    const jws = await sign(payloadOf(app, place, { jti: "x".repeat(6_750_000) }), place.key);
    expect(jws.length).toBeGreaterThan(9_000_000);
    await expectRefusal(submitText(jws), { code: "LIMIT_EXCEEDED", details: { unit: "bytes", max: 8_388_608 } });
  });

  test("for another tenant, or another partner's account", async () => {
    const foreign = await openExchange(app);
    await expectRefusal(submit(app, place, { aud: foreign.tenant.id }), { code: "NOT_FOUND" });
    await expect(submit(app, place, { iss: foreign.partner.id })).rejects.toMatchObject({ code: "KEY_NOT_OWNED" });
    await expect(submit(app, place, { sub: foreign.partner.id })).rejects.toMatchObject({ code: "NOT_FOUND" });
    const tenantOwn = { ...(await seedClient(app, place.home.actor, null)), tenant: place.tenant };
    await expect(submit(app, tenantOwn, { sub: foreign.partner.id })).rejects.toMatchObject({ code: "NOT_FOUND" });
    const kid = { kid: foreign.key.kid };
    const jws = await sign(payloadOf(app, place), place.key, kid);
    await expect(submitText(jws)).rejects.toMatchObject({ code: "KEY_UNKNOWN", details: kid });
  });

  test("an act names the failed check, the kid and the payload's hash, never the payload", async () => {
    const text = JSON.stringify(payloadOf(app, place));
    await submitText(await sign(text, { ...(await newKey()), kid: place.key.kid })).catch(() => undefined);
    const [act] = await actsOf(app, place, ActType.BATCH_REFUSED);
    expect(act?.after).toEqual({
      ...{ code: "SIGNATURE_INVALID", check: "SIGNATURE", kid: place.key.kid, path: null },
      ...{ payloadSha256: sha256(text).toString("hex"), jti: JSON.parse(text).jti },
    });
  });
});

describe("an accepted batch", () => {
  test("is stored with its act and receipted; the receipt verifies and names what was received", async () => {
    const text = JSON.stringify(payloadOf(app, place));
    const { batch, receipt, replayed } = await submitText(await sign(text, place.key));
    expect(replayed).toBe(false);
    expect(batch).toMatchObject({ state: BatchState.ACCEPTED, itemCount: 1, kid: place.key.kid, postedAt: null });
    const { publicKey } = await platformSigner(app, place.tenant.id);
    const { payload, protectedHeader } = await compactVerify(receipt, publicKey);
    expect(protectedHeader.typ).toBe("quittance-receipt+jws");
    expect(JSON.parse(Buffer.from(payload).toString())).toMatchObject({
      ...{ iss: place.tenant.id, batch: batch.id, jti: JSON.parse(text).jti, sequence: batch.no },
      ...{ payloadSha256: sha256(text).toString("hex"), leafHash: batch.leafHash.toString("hex") },
    });
    const acts = await actsOf(app, place, ActType.BATCH_ACCEPTED, ActType.BATCH_REFUSED);
    expect(acts.map(({ type, subjectId }) => [type, subjectId])).toEqual([[ActType.BATCH_ACCEPTED, batch.id]]);
  });

  test("is kept byte for byte", async () => {
    const jws = await sign(payloadOf(app, place), place.key);
    const { batch } = await submitText(jws);
    const [{ envelope }] = await app.database.query(
      "select envelope from batch_content where tenant_no = ? and batch_no = ?",
      [place.tenant.no, batch.no],
    );
    expect(unpackEnvelope(envelope)).toBe(jws);
  });

  test("sent again is answered with the same receipt, whatever became of its key, iat and outcome", async () => {
    const jws = await sign(payloadOf(app, place), place.key);
    const first = await submitText(jws);
    await postBatches(app, place.partner);
    const posted = await submitText(jws);
    app.clock.advance(3_600_000);
    await revoke(place);
    const late = await submitText(jws);
    const onReplica = await submitBatch(replica, place.actor, { jws, waitMs: 0 });
    for (const again of [posted, late, onReplica]) {
      expect(again).toMatchObject({ replayed: true, receipt: first.receipt });
      expect(again.batch.id).toBe(first.batch.id);
      expect(again.batch.state).toBe(BatchState.POSTED);
    }
    expect(await countOf("batch")).toBe(1);
  });

  test("keeps its jti: the same with other bytes is refused and changes nothing", async () => {
    await submit(app, place, { jti: "night-1" });
    const other = submit(app, place, { jti: "night-1" });
    await expect(other).rejects.toMatchObject({ code: "IDEMPOTENCY_CONFLICT", details: { path: "/jti" } });
    expect(await countOf("batch")).toBe(1);
    expect(await actsOf(app, place, ActType.BATCH_REFUSED)).toHaveLength(1);
  });

  test("may have the jti of another partner's batch, or of the tenant's own", async () => {
    const other = await openExchange(app, { home: place.home });
    const tenantOwn = { ...(await seedClient(app, place.home.actor, null)), tenant: place.tenant };
    const sub = place.partner.id;
    await submit(app, place, { jti: "night-1" });
    await submit(app, other, { jti: "night-1" });
    await submit(app, tenantOwn, { jti: "night-1", sub });
    expect(await countOf("batch")).toBe(3);
  });

  test("sent many times at once is one batch with one receipt", async () => {
    const jws = await sign(payloadOf(app, place), place.key);
    const all = await Promise.all(Array.from({ length: 8 }, () => submitText(jws)));
    expect(new Set(all.map(({ receipt }) => receipt)).size).toBe(1);
    expect(all.filter(({ replayed }) => !replayed)).toHaveLength(1);
    expect(await countOf("batch")).toBe(1);
    expect(await actsOf(app, place, ActType.BATCH_ACCEPTED)).toHaveLength(1);
  });

  test("posts although its key was revoked since", async () => {
    const { batch } = await submit(app, place);
    await revoke(place);
    await postBatches(app, place.partner);
    expect(await outcomesIn(app, batch)).toEqual(["POSTED"]);
  });

  test("answers a waiting caller as soon as it is posted, and after the wait where it is not", async () => {
    const jws = await sign(payloadOf(app, place), place.key);
    const waiting = submitBatch(app, place.actor, { jws, waitMs: 10_000 });
    await expect.poll(() => countOf("batch")).toBe(1);
    await postBatches(app, place.partner);
    expect((await waiting).batch).toMatchObject({ state: BatchState.POSTED, postedCount: 1 });
    const other = await sign(payloadOf(app, place), place.key);
    const { batch } = await submitBatch(app, place.actor, { jws: other, waitMs: 20 });
    expect(batch.state).toBe(BatchState.ACCEPTED);
  });
});

async function revoke({ home, key }: Exchange): Promise<void> {
  const [{ id: keyId }] = await app.database.query("select id from client_key where tenant_id = ? and kid = ?", [
    home.tenant.id,
    key.kid,
  ]);
  await revokeKey(app, home.actor, { keyId, reason: "lost" });
}
