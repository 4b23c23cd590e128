import { ActType } from "../../acts/entities.js";
import { recordActs } from "../../acts/service.js";
import { type Actor, PrincipalKind } from "../../kernel/actor.js";
import { canonicalJson } from "../../kernel/canonical-json.js";
import { instantText } from "../../kernel/clock.js";
import { newId } from "../../kernel/ids.js";
import type { App } from "../../platform/app.js";
import { isDuplicateKey, type Tx } from "../../platform/database.js";
import { once, type RepeatableRequest } from "../../platform/idempotency.js";
import { approveInTx } from "../approvals/service.js";
import { ClientKey, type KeyPurpose, KeyState } from "../entities.js";
import { identityError } from "../errors.js";
import { type KeyHolder, proofRefusal } from "../key-proofs/service.js";
import { KEYS_MAX, readKeys } from "../key-reading/service.js";
import type { PublicKey } from "../keys/rules.js";
import { keyOf, keysById } from "../keys/service.js";
import { clientToManage, type OwnedClient } from "../service.js";

/** Keys to be registered for a client. */
export interface NewKeys {
  readonly clientId: string;
  /** A public JWK, a JWK Set or a PEM. */
  readonly jwk: string;
  /** That whoever sent them holds their private halves; at the operator's shell there may be none. */
  readonly proofs?: readonly string[] | null;
  /** What they are for; null for what each says of itself, which is signing where it says nothing. */
  readonly purposes?: readonly KeyPurpose[] | null;
  /** From when to when they may be used; null where there is no such bound. */
  readonly notBefore?: Date | null;
  readonly expiresAt?: Date | null;
}

/** A key that shall take another's place. */
export interface Rotation extends Pick<NewKeys, "jwk" | "proofs" | "expiresAt"> {
  /** The key that is replaced. */
  readonly keyId: string;
  /** How long it stays good once the new one is: 0 to 90 days; a week where nothing is said. */
  readonly overlapSeconds?: number | null;
}

const DAY_SECONDS = 86_400;
const OVERLAP = { max: 90 * DAY_SECONDS, default: 7 * DAY_SECONDS } as const;

/**
 * Registers keys for a client, beside those it has. Through the API they wait for a second person's approval. Refuses a
 * key or kid that is taken, one whose holder did not prove itself (`VALIDATION`), an eleventh key (`LIMIT_EXCEEDED`),
 * and keys for a client that may do more than the actor (`FORBIDDEN`).
 */
export async function registerKeys(
  app: App,
  actor: Actor,
  input: NewKeys,
  idempotencyKey: string | null = null,
): Promise<ClientKey[]> {
  const keys = readKeys(input.jwk, input.purposes);
  const owner = await clientToManage(app, actor, input.clientId);
  const { clientId, purposes = null } = input;
  const request = { operation: "registerKey", idempotencyKey, input: { clientId, purposes, ...textsOf(input) } };
  return register(app, actor, { ...input, ...owner, keys }, request);
}

/**
 * Registers a key that takes the place of another of the same client, for the same purposes. From its approval on both
 * are good, until the old one ends with the overlap. Only a key that is in use is replaced (`VERSION_CONFLICT`).
 */
export async function rotateKey(
  app: App,
  actor: Actor,
  input: Rotation,
  idempotencyKey: string | null = null,
): Promise<ClientKey> {
  const { keyId, overlapSeconds: asked = null, ...rest } = input;
  const old = await keyOf(app, actor, keyId);
  const keys = readKeys(input.jwk, old.purposes);
  const overlapSeconds = asked ?? OVERLAP.default;
  if (keys.length !== 1) throw identityError("VALIDATION", { path: "/jwk", reason: "One key takes another's place." });
  if (overlapSeconds < 0 || overlapSeconds > OVERLAP.max) {
    throw identityError("VALIDATION", {
      path: "/overlapSeconds",
      reason: `An overlap has 0 to ${OVERLAP.max} seconds.`,
    });
  }
  const owner = await clientToManage(app, actor, old.clientId);
  const replaced = { replacesId: old.id, overlapSeconds };
  const request = { operation: "rotateKey", idempotencyKey, input: { keyId, overlapSeconds, ...textsOf(input) } };
  const [key] = await register(app, actor, { ...rest, ...owner, ...replaced, keys }, request);
  return key ?? old;
}

/** Keys to be written down, for whom, and how they come to be good. */
export interface KeysToInsert
  extends Pick<OwnedClient, "partner">,
    Pick<NewKeys, "notBefore" | "expiresAt" | "proofs"> {
  readonly client: { readonly id: string; readonly partnerId: string | null };
  readonly keys: readonly PublicKey[];
  readonly replacesId?: string;
  readonly overlapSeconds?: number;
  /** An operator hands a tenant over, in which nobody is who could approve: they are good at once. */
  readonly isHandOver?: boolean;
}

/** Writes a client's keys down with their acts; a kid or a key that is taken fails as a duplicate of the database. */
export async function insertKeys(app: App, tx: Tx, actor: Actor, input: KeysToInsert): Promise<string[]> {
  const { client, partner, keys, isHandOver = false, proofs = null } = input;
  const { notBefore = null, expiresAt = null, replacesId = null, overlapSeconds = null } = input;
  const at = app.clock.now();
  const state = isHandOver ? KeyState.ACTIVE : KeyState.PENDING_APPROVAL;
  const rows = keys.map(({ kid, alg, purposes, jwk, thumbprint }) => ({
    ...{ tenantId: actor.tenantId, id: newId("key", app.clock), clientId: client.id, partnerId: client.partnerId },
    ...{ kid, alg, purposeList: purposes.join(" "), publicJwk: canonicalJson(jwk), thumbprint, state },
    ...{ createdAt: at, notBefore, expiresAt, registeredBy: actor.principalId, replacesId, overlapSeconds },
  }));
  for (const row of rows) await tx.insert(ClientKey, row);
  const possession = proofs === null ? "VOUCHED" : "PROVEN";
  const acts = rows.map(({ id, kid, alg, purposeList, thumbprint }) => ({
    ...{ type: ActType.KEY_REGISTERED, subjectId: id, partner },
    after: {
      ...{ client: client.id, kid, alg, purposes: purposeList, thumbprint: thumbprint.toString("base64url"), state },
      ...{ possession, notBefore: textOrNull(notBefore), expiresAt: textOrNull(expiresAt) },
      ...(replacesId === null ? {} : { replaces: replacesId, overlapSeconds }),
      ...(isHandOver ? { approval: "HAND_OVER" } : {}),
    },
  }));
  await recordActs(tx, actor, at, acts);
  if (actor.kind === PrincipalKind.OPERATOR_SHELL) {
    for (const { id } of rows) await approveInTx(app, tx, actor, { keyId: id, partner });
  }
  return rows.map(({ id }) => id);
}

/**
 * The refusal (`VALIDATION`) of keys whose holder did not prove itself; null where it did, and at the server's own
 * shell, which may vouch. A repetition is not refused although its challenge has ended by then, so it is thrown later.
 */
export async function possessionRefusal(
  app: App,
  actor: Actor,
  holder: KeyHolder,
  { keys, proofs = null }: Pick<KeysToInsert, "keys" | "proofs">,
): Promise<Error | null> {
  if (proofs === null && actor.kind === PrincipalKind.OPERATOR_SHELL) return null;
  return proofRefusal(app, actor, holder, { keys, proofs: proofs ?? [] });
}

/** What to answer when a key or its kid is taken: whose it is stays untold. */
export function keyTaken(): Error {
  return identityError("VALIDATION", { path: "/jwks", reason: "A key, or the name of one (kid), is taken already." });
}

/** What is asked, as an idempotency key stands for it. */
function textsOf({ jwk, proofs = null, notBefore = null, expiresAt = null }: Omit<NewKeys, "clientId">) {
  return { jwk, proofs, notBefore: textOrNull(notBefore), expiresAt: textOrNull(expiresAt) };
}

async function register(app: App, actor: Actor, input: KeysToInsert, request: RepeatableRequest): Promise<ClientKey[]> {
  const { client, keys, replacesId } = input;
  const holder = { clientId: client.id, partnerId: null };
  const refusal = validityRefusal(app, input) ?? (await possessionRefusal(app, actor, holder, input));
  try {
    const ids = await once(app, actor, request, async (tx) => {
      if (refusal !== null) throw refusal;
      await checkRoomForKeys(tx, actor.tenantId, client.id, keys.length);
      if (replacesId !== undefined) await checkIsInUse(tx, actor.tenantId, replacesId);
      return (await insertKeys(app, tx, actor, input)).join(" ");
    });
    return await keysById(app, actor, ids.split(" "));
  } catch (error) {
    throw isDuplicateKey(error) ? keyTaken() : error;
  }
}

function textOrNull(instant: Date | null): string | null {
  return instant === null ? null : instantText(instant);
}

function validityRefusal(app: App, { notBefore = null, expiresAt = null }: KeysToInsert): Error | null {
  if (expiresAt === null || expiresAt > (notBefore ?? app.clock.now())) return null;
  return identityError("VALIDATION", { path: "/expiresAt", reason: "A key expires after it begins, and not yet." });
}

/** Under the client's row lock, so that of two at once the second sees what the first took. */
async function checkRoomForKeys(tx: Tx, tenantId: string, clientId: string, more: number): Promise<void> {
  await tx.query("select id from client where tenant_id = ? and id = ? for update", [tenantId, clientId]);
  const [{ held }] = await tx.query(
    "select count(*) as held from client_key where tenant_id = ? and client_id = ? and state not in (?)",
    [tenantId, clientId, [KeyState.EXPIRED, KeyState.REVOKED]],
  );
  if (Number(held) + more > KEYS_MAX) throw identityError("LIMIT_EXCEEDED", { max: KEYS_MAX });
}

async function checkIsInUse(tx: Tx, tenantId: string, keyId: string): Promise<void> {
  const [row] = await tx.query("select state from client_key where tenant_id = ? and id = ? for update", [
    tenantId,
    keyId,
  ]);
  if (row?.state === KeyState.ACTIVE) return;
  throw identityError("VERSION_CONFLICT", {
    reason: `Only a key that is ACTIVE is rotated; this one is ${row?.state}.`,
  });
}
