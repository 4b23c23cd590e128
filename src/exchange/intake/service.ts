import { ActType } from "../../acts/entities.js";
import { recordActsOf } from "../../acts/service.js";
import type { ClientKey } from "../../identity/entities.js";
import { lockActiveKeys } from "../../identity/keys/service.js";
import type { Actor } from "../../kernel/actor.js";
import { present } from "../../kernel/assert.js";
import { CodedError } from "../../kernel/errors.js";
import { newId } from "../../kernel/ids.js";
import type { App } from "../../platform/app.js";
import { coalesced } from "../../platform/coalesce.js";
import { CommitOutcomeUnknown, isPassingTrouble, type Tx, transact } from "../../platform/database.js";
import { perApp } from "../../platform/per-app.js";
import { rowsOf } from "../../platform/rows.js";
import type { Partner } from "../../tenancy/entities.js";
import { payloadBytesOf, storeEnvelopes } from "../contents/service.js";
import { Batch, BatchState } from "../entities.js";
import type { BatchClaims, Envelope } from "../envelope.js";
import { exchangeError } from "../errors.js";

/** A batch that passed every check before the transaction. */
export interface CheckedBatch {
  readonly actor: Actor;
  readonly envelope: Envelope;
  readonly claims: BatchClaims;
  readonly itemCount: number;
  readonly key: ClientKey;
  readonly partner: Partner;
  /** Number of the signing partner; 0 for the tenant. */
  readonly issuerNo: number;
  readonly packed: Buffer;
  readonly platformKid: string;
}

/** What names a batch within its tenant. */
export interface BatchName {
  readonly issuerNo: number;
  readonly jti: string;
}

const STORED_AT_ONCE = { inputsMax: 50, atOnce: 2, weightMax: 8 * 1024 * 1024 };
const READ_AT_ONCE = { inputsMax: 200, atOnce: 2 };

/** The intake of one tenant in a process: what comes at once goes to the database together. */
interface Intake {
  readonly store: (batch: CheckedBatch) => Promise<Batch>;
  readonly find: (name: BatchName) => Promise<{ readonly batch: Batch | null }>;
  readonly read: (no: string) => Promise<Batch>;
}

const intakes = perApp(() => new Map<number, Intake>());

/**
 * Stores a batch with its act and answers it as accepted. Batches that come while others are being stored share the
 * next transaction, so that a busy minute costs few commits; a key that was revoked meanwhile (`KEY_REVOKED`) refuses
 * its own batches alone. A `jti` that is taken throws the database's error, an unheard COMMIT `CommitOutcomeUnknown`.
 */
export function storeBatch(app: App, batch: CheckedBatch): Promise<Batch> {
  return intakeOf(app, batch.actor.tenantNo).store(batch);
}

/** The batch of that name, whatever it carries; null where there is none. */
export async function findBatch(app: App, tenantNo: number, name: BatchName): Promise<Batch | null> {
  return (await intakeOf(app, tenantNo).find(name)).batch;
}

/** A stored batch as it stands now. */
export function currentBatch(app: App, { tenantNo, no }: Batch): Promise<Batch> {
  return intakeOf(app, tenantNo).read(no);
}

function intakeOf(app: App, tenantNo: number): Intake {
  const all = intakes(app);
  const known = all.get(tenantNo);
  if (known !== undefined) return known;
  const intake = {
    store: coalesced((batches: readonly CheckedBatch[]) => storeTogether(app, batches), {
      ...STORED_AT_ONCE,
      weightOf: ({ packed }) => packed.length,
    }),
    find: coalesced((names: readonly BatchName[]) => findTogether(app, tenantNo, names), READ_AT_ONCE),
    read: coalesced((numbers: readonly string[]) => readTogether(app, tenantNo, numbers), READ_AT_ONCE),
  };
  all.set(tenantNo, intake);
  return intake;
}

/** One that the database refuses, as it does a name that is taken, fails all that share; then each goes by itself. */
async function storeTogether(app: App, batches: readonly CheckedBatch[]): Promise<(Batch | Error)[]> {
  try {
    return await transact(app, (tx) => insertBatches(app, tx, batches));
  } catch (error) {
    if (batches.length === 1 || isEverybodys(error)) throw error;
  }
  const alone = batches.map((batch) => transact(app, (tx) => insertBatches(app, tx, [batch])).catch(asError));
  return (await Promise.all(alone)).flat();
}

function isEverybodys(error: unknown): boolean {
  const isCoded = error instanceof CodedError && error.retryable;
  return isCoded || error instanceof CommitOutcomeUnknown || isPassingTrouble(error);
}

async function insertBatches(app: App, tx: Tx, batches: readonly CheckedBatch[]): Promise<(Batch | Error)[]> {
  const { tenantId } = present(batches[0], "a batch to store").actor;
  const active = await lockActiveKeys(tx, tenantId, new Set(batches.map(({ key }) => key.id)));
  const good = batches.filter(({ key }) => active.has(key.id));
  const stored = new Map<CheckedBatch, Batch>();
  if (good.length > 0) {
    const acceptedAt = app.clock.now();
    const rows = good.map((batch) => rowOfBatch(newId("bat", app.clock), acceptedAt, batch));
    const acts = good.map((batch, index) => ({ actor: batch.actor, act: actOf(batch, present(rows[index], "a row")) }));
    const leafHashes = await recordActsOf(tx, acceptedAt, acts);
    const accepted = rows.map((row, index) => ({ ...row, leafHash: present(leafHashes[index], "a leaf hash") }));
    const numbers = await insertRows(tx, accepted);
    const contents = good.map(({ packed }, index): [string, Buffer] => [present(numbers[index], "a number"), packed]);
    await storeEnvelopes(tx, present(good[0], "a batch to store").actor.tenantNo, contents);
    good.forEach((batch, index) => {
      stored.set(batch, Object.assign(new Batch(), UNPOSTED, accepted[index], { no: numbers[index] }));
    });
  }
  return batches.map((batch) => stored.get(batch) ?? exchangeError("KEY_REVOKED", { kid: batch.key.kid }));
}

const UNPOSTED = {
  ...{ state: BatchState.ACCEPTED, postedAt: null, postedCount: null, duplicateCount: null, pendingCount: null },
  ...{ refusedCount: null, ledgerVersion: null, tries: 0, parkedReason: null },
};

type NewRow = ReturnType<typeof rowOfBatch>;

function rowOfBatch(id: string, acceptedAt: Date, batch: CheckedBatch) {
  const { actor, envelope, claims, itemCount, key, partner, issuerNo, platformKid } = batch;
  return {
    tenantNo: actor.tenantNo,
    partnerNo: partner.no,
    issuerNo,
    id,
    jti: claims.jti,
    kid: key.kid,
    clientId: actor.principalId,
    mode: claims.mode,
    itemCount,
    payloadBytes: payloadBytesOf(envelope.jws),
    payloadSha256: envelope.payloadSha256,
    platformKid,
    acceptedAt,
  };
}

function actOf({ partner }: CheckedBatch, { id, jti, kid, itemCount, payloadSha256 }: NewRow) {
  const after = { state: "ACCEPTED", jti, kid, itemCount, payloadSha256: payloadSha256.toString("hex") };
  return { type: ActType.BATCH_ACCEPTED, subjectId: id, partner, after };
}

/** Answers the numbers of the rows, in order. */
async function insertRows(tx: Tx, rows: readonly (NewRow & { readonly leafHash: Buffer })[]): Promise<string[]> {
  const { insertId } = await tx.query(
    `insert into batch (tenant_no, partner_no, issuer_no, id, jti, kid, client_id, mode, item_count, payload_bytes,
       payload_sha256, platform_kid, accepted_at, leaf_hash) values ?`,
    [rows.map((row) => Object.values(row))],
  );
  if (rows.length === 1) return [String(insertId)];
  const tenantNo = present(rows[0], "a row").tenantNo;
  const numbered: { no: string; id: string }[] = await tx.query(
    "select no, id from batch where tenant_no = ? and id in (?)",
    [tenantNo, rows.map(({ id }) => id)],
  );
  const numbers = new Map(numbered.map(({ no, id }) => [id, String(no)]));
  return rows.map(({ id }) => present(numbers.get(id), "the number of a row just written"));
}

async function findTogether(app: App, tenantNo: number, names: readonly BatchName[]) {
  const condition = `tenant_no = ? and (${names.map(() => "issuer_no = ? and jti = ?").join(" or ")})`;
  const values = names.flatMap(({ issuerNo, jti }) => [issuerNo, jti]);
  const found = await rowsOf(app.database.manager, Batch, condition, [tenantNo, ...values]);
  const byName = new Map(found.map((batch) => [`${batch.issuerNo} ${batch.jti}`, batch]));
  return names.map(({ issuerNo, jti }) => ({ batch: byName.get(`${issuerNo} ${jti}`) ?? null }));
}

async function readTogether(app: App, tenantNo: number, numbers: readonly string[]): Promise<Batch[]> {
  const found = await rowsOf(app.database.manager, Batch, "tenant_no = ? and no in (?)", [tenantNo, numbers]);
  const byNo = new Map(found.map((batch) => [batch.no, batch]));
  return numbers.map((no) => present(byNo.get(no), "an accepted batch"));
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
