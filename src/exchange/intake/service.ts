import { ActType } from "../../acts/entities.js";
import { type ActOf, recordActsOf } from "../../acts/service.js";
import type { ClientKey } from "../../identity/entities.js";
import { lockActiveKeys } from "../../identity/keys/service.js";
import type { Actor } from "../../kernel/actor.js";
import { present } from "../../kernel/assert.js";
import { hash16Hex } from "../../kernel/digest.js";
import { asError, CodedError } from "../../kernel/errors.js";
import { newId } from "../../kernel/ids.js";
import type { App } from "../../platform/app.js";
import { coalescedPerTenant, LINGER_MS } from "../../platform/coalesce.js";
import { CommitOutcomeUnknown, isDuplicateKey, isPassingTrouble, type TxSql } from "../../platform/database.js";
import { rowsOf } from "../../platform/rows.js";
import { type Together, transactTogether } from "../../platform/together.js";
import type { Partner } from "../../tenancy/entities.js";
import { insertAssessment } from "../../threat/assessments/service.js";
import { ThreatSubject } from "../../threat/entities.js";
import type { BatchAssessment } from "../../threat/service.js";
import { storeEnvelopes } from "../contents/service.js";
import { Batch, BatchState } from "../entities.js";
import type { BatchClaims } from "../envelope.js";
import { exchangeError } from "../errors.js";
import { insertQuarantines } from "../holding/service.js";
import { QuarantineCause } from "../quarantine/entities.js";
import type { BatchEncryption, ReadBatch } from "../reading/service.js";

/** A batch that passed every check before the transaction. */
export interface CheckedBatch {
  readonly actor: Actor;
  readonly envelope: Omit<ReadBatch, "verified">;
  readonly claims: BatchClaims;
  readonly itemCount: number;
  readonly key: ClientKey;
  readonly partner: Partner;
  /** Number of the signing partner; 0 for the tenant. */
  readonly issuerNo: number;
  readonly packed: Buffer;
  readonly platformKid: string;
  readonly assessment: BatchAssessment;
}

/** What names a batch within its tenant. */
export interface BatchName {
  readonly issuerNo: number;
  readonly jti: string;
}

const READ_AT_ONCE = { inputsMax: 200, atOnce: 2 };

const store = coalescedPerTenant(storeTogether, {
  ...{ inputsMax: 50, atOnce: 2, lingerMs: LINGER_MS, weightMax: 8 * 1024 * 1024 },
  weightOf: ({ packed }) => packed.length,
});
const find = coalescedPerTenant(findTogether, READ_AT_ONCE);
const read = coalescedPerTenant(readTogether, READ_AT_ONCE);
const readById = coalescedPerTenant(readTogetherById, READ_AT_ONCE);

/**
 * Stores a batch with its act and answers it as accepted. Batches that come while others are being stored share the
 * next transaction, so that a busy minute costs few commits; a key that was revoked meanwhile (`KEY_REVOKED`) refuses
 * its own batches alone. A `jti` that is taken throws the database's error, an unheard COMMIT `CommitOutcomeUnknown`.
 */
export function storeBatch(app: App, batch: CheckedBatch): Promise<Batch> {
  return store(app, batch.actor.tenantNo, batch);
}

/** The batch of that name, whatever it carries; null where there is none. */
export async function findBatch(app: App, tenantNo: number, name: BatchName): Promise<Batch | null> {
  return (await find(app, tenantNo, name)).batch;
}

/** The batch of that id; null where there is none. */
export async function batchById(app: App, tenantNo: number, id: string): Promise<Batch | null> {
  return (await readById(app, tenantNo, id)).batch;
}

/** An accepted batch as it stands now. */
export function currentBatch(app: App, batch: Batch): Promise<Batch> {
  return read(app, batch.tenantNo, batch);
}

/** What of a `jti` stays for ever. */
export function jtiHash(tenantNo: number, { issuerNo, jti }: BatchName): Buffer {
  return Buffer.from(hash16Hex(`${tenantNo}:${issuerNo}:${jti}`), "hex");
}

/** What was found, if anything: to `coalesced` no answer at all would be a fault. */
interface Found {
  readonly batch: Batch | null;
}

/**
 * One that the database refuses fails all that share. Those who hold a name that is taken are then set apart; where
 * that is not why, or two of them have the same name, each goes by itself.
 */
async function storeTogether(app: App, tenantNo: number, batches: readonly CheckedBatch[]): Promise<(Batch | Error)[]> {
  if (batches.length === 0) return [];
  try {
    return await transactTogether(app, (sql) => insertBatches(app, sql, batches));
  } catch (error) {
    if (batches.length === 1 || isEverybodys(error)) throw error;
    if (isDuplicateKey(error)) {
      const found = await findTogether(app, tenantNo, batches.map(nameOf));
      const fresh = batches.filter((_, index) => found[index]?.batch === null);
      if (fresh.length < batches.length) {
        const stored = (await storeTogether(app, tenantNo, fresh)).values();
        return found.map(({ batch }) => (batch === null ? present(stored.next().value, "an answer") : asError(error)));
      }
    }
  }
  const alone = batches.map((batch) =>
    transactTogether(app, (sql) => insertBatches(app, sql, [batch])).catch((error: unknown) => [asError(error)]),
  );
  return (await Promise.all(alone)).flat();
}

function nameOf({ issuerNo, claims: { jti } }: CheckedBatch): BatchName {
  return { issuerNo, jti };
}

function isEverybodys(error: unknown): boolean {
  const isCoded = error instanceof CodedError && error.retryable;
  return isCoded || error instanceof CommitOutcomeUnknown || isPassingTrouble(error);
}

/** One round trip, and the commit's. A key that is not active refuses what it signed, and with it all that share. */
async function insertBatches(app: App, sql: Together, batches: readonly CheckedBatch[]): Promise<Batch[]> {
  const { tenantId, tenantNo } = present(batches[0], "a batch to store").actor;
  const acceptedAt = app.clock.now();
  const rows = batches.map((batch) => rowOfBatch(newId("bat", app.clock), acceptedAt, batch));
  const acts = batches.map((batch, index) => ({
    actor: batch.actor,
    act: actOf(batch, present(rows[index], "a row")),
  }));
  const told = await writeAssessments(app, sql.later, batches, rows);
  const leafHashes = await recordActsOf(sql.later, acceptedAt, [...acts, ...told]);
  const accepted = rows.map((row, index) => ({ leafHash: present(leafHashes[index], "a leaf hash"), ...row }));
  const [numbers, active] = await Promise.all([
    insertRows(sql, accepted),
    lockActiveKeys(sql, tenantId, new Set(batches.map(({ key }) => key.id))),
  ]);
  const revoked = batches.find(({ key }) => !active.has(key.id));
  if (revoked !== undefined) throw exchangeError("KEY_REVOKED", { kid: revoked.key.kid });
  const numberOf = ({ id }: NewRow) => present(numbers.get(id), "the number of a row just written");
  const contents = batches.map(({ packed }, index): [string, Buffer] => [
    numberOf(present(rows[index], "a row")),
    packed,
  ]);
  await storeEnvelopes(sql.later, tenantNo, contents);
  return accepted.map((row) => Object.assign(new Batch(), UNPOSTED, row, { no: numberOf(row) }));
}

const UNPOSTED = {
  ...{ postedAt: null, postedCount: null, duplicateCount: null, pendingCount: null },
  ...{ refusedCount: null, ledgerVersion: null, tries: 0, parkedReason: null, removedAt: null, takenCount: null },
};

/** What threat detection says of batches, and which of them are not posted; answers the acts of what it says. */
async function writeAssessments(
  app: App,
  tx: TxSql,
  batches: readonly CheckedBatch[],
  rows: readonly NewRow[],
): Promise<ActOf[]> {
  const acts: ActOf[] = [];
  for (const [index, { actor, partner, assessment }] of batches.entries()) {
    const { isQuarantined, isPartnerHeld, told } = assessment;
    const { id, tenantNo, acceptedAt } = present(rows[index], "the row of a batch");
    if (told !== null) {
      const subject = { subject: ThreatSubject.BATCH, subjectId: id, clientId: actor.principalId };
      acts.push((await insertAssessment(app, tx, actor, { ...subject, partner, ...told })).act);
    }
    if (!isQuarantined) continue;
    const cause = isPartnerHeld ? QuarantineCause.PARTNER_HELD : QuarantineCause.ASSESSMENT;
    await insertQuarantines(tx, tenantNo, acceptedAt, [{ batchId: id, partnerNo: partner.no, cause }]);
  }
  return acts;
}

type NewRow = ReturnType<typeof rowOfBatch>;

function rowOfBatch(id: string, acceptedAt: Date, batch: CheckedBatch) {
  const { actor, envelope, claims, itemCount, key, partner, issuerNo, platformKid, assessment } = batch;
  return {
    tenantNo: actor.tenantNo,
    partnerNo: partner.no,
    issuerNo,
    id,
    jti: claims.jti,
    jtiHash: jtiHash(actor.tenantNo, { issuerNo, jti: claims.jti }),
    kid: key.kid,
    clientId: actor.principalId,
    mode: claims.mode,
    state: assessment.isQuarantined ? BatchState.QUARANTINED : BatchState.ACCEPTED,
    itemCount,
    payloadBytes: envelope.payloadBytes,
    payloadSha256: envelope.payloadSha256,
    encryptionKid: envelope.encryption?.kid ?? null,
    encryptedSha256: envelope.encryption?.sha256 ?? null,
    platformKid,
    acceptedAt,
  };
}

function actOf({ partner, envelope, key }: CheckedBatch, { id, jti, state, itemCount, payloadSha256 }: NewRow) {
  const signer = { kid: key.kid, thumbprint: key.thumbprint.toString("base64url") };
  const signed = { state, jti, ...signer, itemCount, payloadSha256: payloadSha256.toString("hex") };
  const after = envelope.encryption === null ? signed : { ...signed, encryption: encryptionText(envelope.encryption) };
  return { type: ActType.BATCH_ACCEPTED, subjectId: id, partner, after };
}

function encryptionText({ sha256, ...header }: BatchEncryption) {
  return { ...header, sha256: sha256.toString("hex") };
}

/** Answers their numbers by id. The members of a row lie in the order of the columns. */
async function insertRows(
  tx: TxSql,
  rows: readonly (NewRow & { readonly leafHash: Buffer })[],
): Promise<Map<string, string>> {
  const numbered: { no: string; id: string }[] = await tx.query(
    `insert into batch (leaf_hash, tenant_no, partner_no, issuer_no, id, jti, jti_hash, kid, client_id, mode, state,
       item_count, payload_bytes, payload_sha256, encryption_kid, encrypted_sha256, platform_kid, accepted_at)
     values ? returning no, id`,
    [rows.map((row) => Object.values(row))],
  );
  return new Map(numbered.map(({ no, id }) => [id, String(no)]));
}

async function findTogether(app: App, tenantNo: number, names: readonly BatchName[]): Promise<Found[]> {
  const condition = `tenant_no = ? and (${names.map(() => "issuer_no = ? and jti_hash = ?").join(" or ")})`;
  const hashes = names.map((name) => jtiHash(tenantNo, name));
  const values = names.flatMap(({ issuerNo }, index) => [issuerNo, hashes[index]]);
  const found = await rowsOf(app.database.manager, Batch, condition, [tenantNo, ...values]);
  const byHash = new Map(found.map((batch) => [batch.jtiHash.toString("hex"), batch]));
  // Whoever names it brings the `jti` of what was removed, so that its receipt says the same for ever.
  return names.map(({ jti }, index) => {
    const batch = byHash.get(hashes[index]?.toString("hex") ?? "");
    return { batch: batch === undefined ? null : Object.assign(new Batch(), batch, { jti }) };
  });
}

async function readTogetherById(app: App, tenantNo: number, ids: readonly string[]): Promise<Found[]> {
  const found = await rowsOf(app.database.manager, Batch, "tenant_no = ? and id in (?)", [tenantNo, ids]);
  const byId = new Map(found.map((batch) => [batch.id, batch]));
  return ids.map((id) => ({ batch: byId.get(id) ?? null }));
}

/** Of an accepted batch nothing but this changes when it is posted or parked. */
const CHANGING = `no, state, posted_at as postedAt, posted_count as postedCount, duplicate_count as duplicateCount,
  pending_count as pendingCount, refused_count as refusedCount, ledger_version as version, tries,
  parked_reason as parkedReason`;

async function readTogether(app: App, tenantNo: number, batches: readonly Batch[]): Promise<Batch[]> {
  const found: (Partial<Batch> & { readonly no: string; readonly version: string | null })[] = await app.database.query(
    `select ${CHANGING} from batch where tenant_no = ? and no in (?)`,
    [tenantNo, batches.map(({ no }) => no)],
  );
  const byNo = new Map(found.map((row) => [row.no, row]));
  return batches.map((batch) => {
    const { version, ...changed } = present(byNo.get(batch.no), "an accepted batch");
    const ledgerVersion = version === null ? null : BigInt(version);
    return Object.assign(new Batch(), batch, changed, { ledgerVersion });
  });
}
