import { type ClientKey, KeyPurpose } from "../../identity/entities.js";
import { obstacleNow, signingKey } from "../../identity/keys/service.js";
import { type Actor, PrincipalKind } from "../../kernel/actor.js";
import { CodedError, type ErrorCode } from "../../kernel/errors.js";
import type { App } from "../../platform/app.js";
import { partnerOf } from "../../tenancy/service.js";
import { type BatchClaims, type BatchPayload, type Envelope, readEnvelope, verifySignature } from "../envelope.js";
import { exchangeError } from "../errors.js";
import { checkIssuedAt } from "../jws.js";
import { validateItems } from "../validate.js";
import { SignatureTestCheck, SignatureTestOutcome } from "./entities.js";

/** How one check came out. */
export interface CheckResult {
  readonly check: SignatureTestCheck;
  readonly outcome: SignatureTestOutcome;
  /** With what submitting would refuse it, and why; null where it does not fail. */
  readonly code: ErrorCode | null;
  readonly reason: string | null;
}

/** How all of them came out, in the order in which submitting meets them. */
export interface Trial {
  readonly passes: boolean;
  readonly checks: readonly CheckResult[];
}

/** A trial is for finding out how to sign; what is larger holds up others. */
const TRIAL_LIMITS = { bytesMax: 256 * 1024, itemsMax: 1_000 };

const { PASSED, FAILED, NOT_REACHED } = SignatureTestOutcome;
const CHECKS = Object.values(SignatureTestCheck);

/** Why a check failed; null where it holds. */
type Verdict = { readonly code: ErrorCode; readonly reason: string } | null;
type Verdicts = Map<SignatureTestCheck, Verdict>;

/**
 * Looks at a signed batch check by check, as far as each can be looked at, and says which fails and why. Nothing is
 * accepted, recorded or counted. A key of somebody else fails as one that does not exist. Refused (`LIMIT_EXCEEDED`)
 * over 256 kB or 1,000 transactions.
 */
export async function testSignature(app: App, actor: Actor, jws: string): Promise<Trial> {
  const verdicts: Verdicts = new Map();
  const envelope = readForm(jws, verdicts);
  if (envelope !== null) {
    await checkKey(app, actor, envelope, verdicts);
    await checkPayload(app, actor, envelope, verdicts);
  }
  const checks = CHECKS.map((check) => resultOf(check, verdicts));
  return { passes: checks.every(({ outcome }) => outcome === PASSED), checks };
}

function resultOf(check: SignatureTestCheck, verdicts: Verdicts): CheckResult {
  const verdict = verdicts.get(check);
  if (verdict === undefined) return { check, outcome: NOT_REACHED, code: null, reason: null };
  if (verdict === null) return { check, outcome: PASSED, code: null, reason: null };
  return { check, outcome: FAILED, ...verdict };
}

/** The envelope, its form checked; null when it has none: what comes before the check that failed holds. */
function readForm(jws: string, verdicts: Verdicts): Envelope | null {
  const form = CHECKS.slice(0, CHECKS.indexOf(SignatureTestCheck.KEY));
  try {
    const envelope = readEnvelope(jws, TRIAL_LIMITS);
    for (const check of form) verdicts.set(check, null);
    return envelope;
  } catch (error) {
    const { check: failed } = error instanceof CodedError ? error.details : {};
    const at = CHECKS.find((check) => String(check) === failed);
    if (at === undefined) throw error;
    for (const check of form.slice(0, form.indexOf(at))) verdicts.set(check, null);
    verdicts.set(at, verdictOn(error));
    return null;
  }
}

/** The key's checks; with a key that may not sign now the signature is looked at all the same. */
async function checkKey(app: App, actor: Actor, envelope: Envelope, verdicts: Verdicts): Promise<void> {
  const { kid } = envelope.header;
  const key = await signingKey(app, actor.tenantId, kid);
  if (key === null || key.partnerId !== actor.partnerId) {
    verdicts.set(SignatureTestCheck.KEY, verdictOn(exchangeError("KEY_UNKNOWN", { kid })));
    return;
  }
  const obstacle = obstacleNow(app, key, KeyPurpose.BATCH_SIGNING);
  const isRevoked = obstacle === "REVOKED";
  const refusal = isRevoked
    ? exchangeError("KEY_REVOKED", { kid })
    : exchangeError("KEY_NOT_USABLE", { kid, obstacle: obstacle ?? "" });
  verdicts.set(SignatureTestCheck.KEY, null);
  verdicts.set(SignatureTestCheck.KEY_STATE, obstacle === null ? null : verdictOn(refusal));
  checkBytes(envelope, key, verdicts);
}

function checkBytes(envelope: Envelope, key: ClientKey, verdicts: Verdicts): void {
  try {
    verifySignature(envelope, key);
    verdicts.set(SignatureTestCheck.KEY_ALG, null);
    verdicts.set(SignatureTestCheck.SIGNATURE, null);
  } catch (error) {
    const refusal = asRefusal(error);
    const isAlgorithm = refusal.details["check"] === String(SignatureTestCheck.KEY_ALG);
    if (!isAlgorithm) verdicts.set(SignatureTestCheck.KEY_ALG, null);
    verdicts.set(isAlgorithm ? SignatureTestCheck.KEY_ALG : SignatureTestCheck.SIGNATURE, verdictOn(refusal));
  }
}

async function checkPayload(app: App, actor: Actor, { payload }: Envelope, verdicts: Verdicts): Promise<void> {
  if (payload instanceof CodedError) {
    verdicts.set(SignatureTestCheck.PAYLOAD, verdictOn(payload));
    return;
  }
  const { claims, transactions } = payload;
  verdicts.set(SignatureTestCheck.PAYLOAD, null);
  verdicts.set(SignatureTestCheck.ISSUER, await issuerVerdict(app, actor, claims));
  const isForUs = claims.aud === actor.tenantId;
  const audience = exchangeError("NOT_FOUND", { what: "audience", path: "/aud" });
  verdicts.set(SignatureTestCheck.AUDIENCE, isForUs ? null : verdictOn(audience));
  verdicts.set(
    SignatureTestCheck.ISSUED_AT,
    refusalBy(() => checkIssuedAt(claims.iat, app.clock.now())),
  );
  verdicts.set(SignatureTestCheck.TRANSACTIONS, itemsVerdict(actor, transactions));
}

async function issuerVerdict(app: App, actor: Actor, { iss, sub }: BatchClaims): Promise<Verdict> {
  const isPartner = actor.kind === PrincipalKind.PARTNER;
  if (iss !== (isPartner ? actor.partnerId : actor.tenantId)) {
    return verdictOn(exchangeError("KEY_NOT_OWNED", { path: "/iss" }));
  }
  if (isPartner) return sub === iss ? null : verdictOn(exchangeError("NOT_FOUND", { what: "partner", path: "/sub" }));
  return partnerOf(app, actor, sub).then(
    () => null,
    (error: unknown) => verdictOn(asRefusal(error)),
  );
}

/** The first transaction that is out of shape, and how many there are. */
function itemsVerdict({ kind }: Actor, transactions: BatchPayload["transactions"]): Verdict {
  const refused = validateItems(transactions, { isTenant: kind !== PrincipalKind.PARTNER }).filter(({ ok }) => !ok);
  const [first] = refused;
  if (first === undefined || first.ok) return null;
  const more = refused.length === 1 ? "" : ` ${refused.length} transactions are refused in all.`;
  return { code: first.code, reason: `${first.path}: ${first.message}${more}` };
}

function refusalBy(work: () => void): Verdict {
  try {
    work();
    return null;
  } catch (error) {
    return verdictOn(asRefusal(error));
  }
}

/** A refusal; whatever else went wrong is thrown on. */
function asRefusal(error: unknown): CodedError {
  if (error instanceof CodedError && !error.retryable) return error;
  throw error;
}

function verdictOn(error: unknown): Verdict {
  const { code, message, details } = asRefusal(error);
  const { member } = details;
  return { code, reason: member === undefined ? message : `${message} It has the member ${String(member)}.` };
}
