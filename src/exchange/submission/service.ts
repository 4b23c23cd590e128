import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import { ActType } from "../../acts/entities.js";
import { recordActs } from "../../acts/service.js";
import { openingKey } from "../../identity/encryption-keys/service.js";
import type { ClientKey } from "../../identity/entities.js";
import { KeyPurpose } from "../../identity/entities.js";
import { noteKeyUse } from "../../identity/key-use/service.js";
import { obstacleNow, signingKey } from "../../identity/keys/service.js";
import { platformSigner, signerByKid } from "../../identity/platform-keys/service.js";
import { type Actor, PrincipalKind } from "../../kernel/actor.js";
import { present } from "../../kernel/assert.js";
import { canonicalJson } from "../../kernel/canonical-json.js";
import { epochSeconds, instantText } from "../../kernel/clock.js";
import { CodedError } from "../../kernel/errors.js";
import type { App } from "../../platform/app.js";
import { CommitOutcomeUnknown, isDuplicateKey, transact } from "../../platform/database.js";
import { lookedUp } from "../../platform/idempotency.js";
import type { Partner } from "../../tenancy/entities.js";
import { partnerOf } from "../../tenancy/service.js";
import {
  assessBatch,
  type BatchAssessment,
  countRefusals,
  countReplay,
  forgetAssessment,
  type IncomingBatch,
  learnFrom,
} from "../../threat/service.js";
import { admitted, refuseIfPartnerFull } from "../admission/service.js";
import { openCaller } from "../callers/service.js";
import { refuseUnlessDemandMet } from "../encryption/service.js";
import { type Batch, BatchState } from "../entities.js";
import type { BatchClaims } from "../envelope.js";
import { exchangeError } from "../errors.js";
import { currentBatch, findBatch, jtiHash, storeBatch } from "../intake/service.js";
import { enqueuePosting } from "../posting/jobs.js";
import { type ReadBatch, readBatch, type VerifiedBatch } from "../reading/service.js";
import { countBatch, timedWait } from "../stages/service.js";

/** How long a caller may wait for the outcome, and how long one waits who does not say. */
export const WAIT_MS = { max: 30_000, default: 2_000 } as const;
const POLL_MS = 250;

/** A batch as accepted, with its receipt. */
export interface Submission {
  readonly batch: Batch;
  /** Compact JWS, `typ: quittance-receipt+jws`. */
  readonly receipt: string;
  /** Whether this payload had been accepted before. */
  readonly replayed: boolean;
}

/** What a caller submits: a compact JWS, or a compact JWE around one. */
export interface SubmitInput {
  readonly jws: string;
  readonly waitMs: number;
}

/**
 * Accepts a signed batch: checks it by the contract's order, stores it with its act in one transaction, hands it to the
 * partner's posting partition and waits up to `waitMs` for the outcome. The same payload again answers what is stored.
 * A refusal is a coded error; it leaves an act and nothing else. Where too much waits already the batch is not looked
 * at (`RATE_LIMITED`), known or not.
 */
export async function submitBatch(app: App, actor: Actor, { jws, waitMs }: SubmitInput): Promise<Submission> {
  if (waitMs < 0 || waitMs > WAIT_MS.max) {
    throw exchangeError("VALIDATION", { path: "/waitMs", reason: `is not from 0 to ${WAIT_MS.max}` });
  }
  const accepted = await admitted(app, actor, jws, () => accept(app, actor, jws));
  const isWaiting = accepted.batch.state === BatchState.ACCEPTED && waitMs > 0;
  const [batch, receipt] = await Promise.all([
    isWaiting ? awaitOutcome(app, accepted.batch, waitMs) : accepted.batch,
    nextTurn().then(() => receiptOf(app, actor, accepted.batch)), // signed while it is posted
  ]);
  return { batch, receipt, replayed: accepted.replayed };
}

/**
 * The receipt of a batch: a function of its row and of the platform key pinned there, so every replica and every replay
 * answers the same bytes.
 */
export async function receiptOf(app: App, { tenantId }: Pick<Actor, "tenantId">, batch: Batch): Promise<string> {
  const signer = await signerByKid(app, tenantId, batch.platformKid);
  const receipt = {
    iss: tenantId,
    batch: batch.id,
    jti: present(batch.jti, "the jti of a batch that was not removed"),
    payloadSha256: batch.payloadSha256.toString("hex"),
    sequence: batch.no,
    time: instantText(batch.acceptedAt),
    iat: epochSeconds(batch.acceptedAt),
    leafHash: batch.leafHash.toString("hex"),
  };
  return signer.sign(canonicalJson(receipt), "quittance-receipt+jws");
}

interface Accepted {
  readonly batch: Batch;
  readonly replayed: boolean;
}

/** Who signed and whose account it is, as far as the caller may say. */
interface Parties {
  /** Number of the signing partner; 0 for the tenant. */
  readonly issuerNo: number;
  readonly partner: Partner;
}

/** How far a submission was read before it was refused. */
interface Seen {
  envelope: ReadBatch | null;
  parties: Parties | null;
}

async function accept(app: App, actor: Actor, jws: string): Promise<Accepted> {
  const seen: Seen = { envelope: null, parties: null };
  try {
    return await acceptNew(app, actor, jws, seen).catch((refusal: unknown) =>
      acceptedBefore(app, actor, seen, refusal),
    );
  } catch (error) {
    if (error instanceof CodedError && !error.retryable) {
      await recordRefusal(app, actor, seen.envelope, error);
      await countRefusals(app, actor, [error]);
    }
    throw error;
  }
}

/** Nearly every batch is new, so nobody asks whether it is: a `jti` that is taken shows when it is stored. */
async function acceptNew(app: App, actor: Actor, jws: string, seen: Seen): Promise<Accepted> {
  const envelope = await timedWait(app, "format", () =>
    readBatch(jws, (header) => openingKey(app, actor.tenantId, header)),
  );
  seen.envelope = envelope;
  const parties = envelope.stated === null ? null : await partiesOf(app, actor, envelope.stated);
  seen.parties = parties;
  if (parties !== null) await refuseIfPartnerFull(app, actor, parties.partner);
  if (parties !== null && envelope.encryption === null) await refuseUnlessDemandMet(app, actor, parties.partner);
  const key = await usableKey(app, actor, envelope.header.kid);
  const verified = await timedWait(app, "signature", () => envelope.verified(key, app.clock.now()));
  const known = present(parties, "the parties of a readable batch");
  const { figures, ...checked } = verified;
  const incoming = { actor, ...incomingOf(known, key), figures };
  const assessment = await timedWait(app, "threat", () => assessBatch(app, incoming));
  const accepted = await stored(app, incoming, { actor, envelope, ...checked, key, ...known, assessment });
  if (accepted.replayed) return replayed(app, actor, accepted.batch);
  countBatch(app, assessment.isQuarantined ? "quarantined" : "accepted");
  await learnFrom(app, incoming, assessment);
  return accepted;
}

/** What was accepted is answered again, whatever would be wrong with it now; for all else the refusal stands. */
async function acceptedBefore(
  app: App,
  actor: Actor,
  { envelope, parties }: Seen,
  refusal: unknown,
): Promise<Accepted> {
  const stated = envelope?.stated ?? null;
  if (!(refusal instanceof CodedError) || envelope === null || stated === null || parties === null) throw refusal;
  const { payloadSha256 } = envelope;
  const known = await timedWait(app, "duplicate", () => replayOf(app, actor, parties, stated.jti, payloadSha256));
  if (known === null) throw refusal;
  return replayed(app, actor, known);
}

async function replayed(app: App, actor: Actor, batch: Batch): Promise<Accepted> {
  countBatch(app, "replayed");
  await countReplay(app, actor);
  return { batch, replayed: true };
}

/** Of the tenant's own batches for a partner nothing is usual for that partner. */
function incomingOf({ partner, issuerNo }: Parties, { createdAt: keySince }: ClientKey) {
  return { partner, isOwn: issuerNo !== 0, keySince };
}

/** The caller signs for itself; only the tenant may sign for another. What the caller may not name does not exist. */
async function partiesOf(app: App, actor: Actor, { iss, sub, aud }: BatchClaims): Promise<Parties> {
  if (aud !== actor.tenantId) throw exchangeError("NOT_FOUND", { what: "audience", path: "/aud" });
  if (actor.kind === PrincipalKind.PARTNER) {
    if (iss !== actor.partnerId) throw exchangeError("KEY_NOT_OWNED", { path: "/iss" });
    if (sub !== iss) throw exchangeError("NOT_FOUND", { what: "partner", path: "/sub" });
    const partner = await partnerOf(app, actor, iss);
    return { issuerNo: partner.no, partner };
  }
  if (iss !== actor.tenantId) throw exchangeError("KEY_NOT_OWNED", { path: "/iss" });
  return { issuerNo: 0, partner: await partnerOf(app, actor, sub) };
}

/** The registered key of that `kid` with which the actor itself may sign now. */
export async function usableKey(app: App, actor: Actor, kid: string): Promise<ClientKey> {
  const key = await signingKey(app, actor.tenantId, kid);
  if (key === null) throw exchangeError("KEY_UNKNOWN", { kid });
  if (key.partnerId !== actor.partnerId) throw exchangeError("KEY_NOT_OWNED", { kid });
  const obstacle = obstacleNow(app, key, KeyPurpose.BATCH_SIGNING);
  if (obstacle === "REVOKED") throw exchangeError("KEY_REVOKED", { kid });
  if (obstacle !== null) throw exchangeError("KEY_NOT_USABLE", { kid, obstacle });
  return key;
}

interface Verified extends Parties, Omit<VerifiedBatch, "figures"> {
  readonly actor: Actor;
  readonly envelope: ReadBatch;
  readonly key: ClientKey;
  readonly assessment: BatchAssessment;
}

/** A verdict is told by the transaction that stores the batch, and counts as told only where that was committed. */
async function stored(app: App, incoming: IncomingBatch, verified: Verified): Promise<Accepted> {
  let accepted: Accepted | null = null;
  try {
    accepted = await store(app, verified);
    return accepted;
  } finally {
    if (accepted?.replayed !== false) forgetAssessment(app, incoming, verified.assessment);
  }
}

async function store(app: App, verified: Verified): Promise<Accepted> {
  const { actor, partner, claims, envelope } = verified;
  const signer = await platformSigner(app, actor.tenantId);
  const known = () => replayOf(app, actor, verified, claims.jti, envelope.payloadSha256);
  try {
    const batch = await storeBatch(app, { platformKid: signer.kid, ...verified });
    app.metrics.count("batches_accepted");
    noteKeyUse(app, actor.tenantId, verified.key.id);
    if (batch.state === BatchState.ACCEPTED) void enqueuePosting(app, partner, batch.id); // a hint
    return { batch, replayed: false };
  } catch (error) {
    if (isDuplicateKey(error)) return { batch: present(await known(), "the batch that holds the jti"), replayed: true };
    if (!(error instanceof CommitOutcomeUnknown)) throw error;
    const batch = await lookedUp(error, async () => {
      await untilSettled(app, actor, verified.issuerNo, claims.jti);
      return known();
    });
    if (batch === null) throw error; // rolled back: the caller may send it again
    void enqueuePosting(app, partner);
    return { batch, replayed: false };
  }
}

/** Waits for the end of a transaction whose COMMIT was not answered: a locking read waits for the row it holds. */
async function untilSettled(app: App, { tenantNo }: Actor, issuerNo: number, jti: string): Promise<void> {
  await app.database.query(
    "select no from batch where tenant_no = ? and issuer_no = ? and jti_hash = ? lock in share mode",
    [tenantNo, issuerNo, jtiHash(tenantNo, { issuerNo, jti })],
  );
}

/** The batch that holds a `jti` of that signer, if its payload is the same; another payload is refused. */
async function replayOf(
  app: App,
  actor: Actor,
  { issuerNo }: Parties,
  jti: string,
  payloadSha256: Buffer,
): Promise<Batch | null> {
  const batch = await findBatch(app, actor.tenantNo, { issuerNo, jti });
  if (batch === null) return null;
  if (!batch.payloadSha256.equals(payloadSha256)) throw exchangeError("IDEMPOTENCY_CONFLICT", { path: "/jti" });
  return batch;
}

/** A refused batch leaves an act: which check failed, the key it named and the hash of what came; never the content. */
async function recordRefusal(app: App, actor: Actor, envelope: ReadBatch | null, error: CodedError): Promise<void> {
  app.metrics.count("batches_refused", { code: error.code });
  countBatch(app, error);
  const { code, details } = error;
  const { check = null, kid = envelope?.header.kid ?? null, path = null } = details;
  const payloadSha256 = envelope?.payloadSha256.toString("hex") ?? null;
  const jti = envelope?.stated?.jti ?? null;
  const partner = actor.partnerId === null ? null : await partnerOf(app, actor, actor.partnerId);
  const after = { code, check, kid: kid ?? null, path, payloadSha256, jti };
  const act = { type: ActType.BATCH_REFUSED, subjectId: actor.principalId, partner, after };
  await transact(app, (tx) => recordActs(tx, actor, app.clock.now(), [act]));
}

/** Waits for the batch to leave ACCEPTED: told by a signal, or seen in the database. */
async function awaitOutcome(app: App, batch: Batch, waitMs: number): Promise<Batch> {
  const caller = openCaller(app, batch.id);
  try {
    const deadline = performance.now() + waitMs;
    for (;;) {
      const isTold = await caller.told(Math.min(POLL_MS, Math.max(deadline - performance.now(), 0)));
      const now = await currentBatch(app, batch);
      if (now.state !== BatchState.ACCEPTED || performance.now() >= deadline) return now;
      if (isTold) await sleep(1); // released from parking since
    }
  } finally {
    caller.leave();
  }
}
