import { ActType } from "../../acts/entities.js";
import { recordActs } from "../../acts/service.js";
import type { Actor } from "../../kernel/actor.js";
import { canonicalJson } from "../../kernel/canonical-json.js";
import { instantText } from "../../kernel/clock.js";
import { newId } from "../../kernel/ids.js";
import { parseStrictJson, StrictJsonFault } from "../../kernel/strict-json.js";
import type { App } from "../../platform/app.js";
import { isDuplicateKey, type Tx } from "../../platform/database.js";
import { once } from "../../platform/idempotency.js";
import { ClientKey, type KeyPurpose, KeyState } from "../entities.js";
import { identityError } from "../errors.js";
import { KeyFault } from "../key-material/rules.js";
import { jwksOf, type PublicKey, readPublicJwk } from "../keys/rules.js";
import { keyOf } from "../keys/service.js";
import { clientToManage, type OwnedClient } from "../service.js";

/** Active keys that a client may have, so that rotation can overlap and nothing grows without bound. */
const ACTIVE_KEYS_MAX = 10;

const JWKS_LENGTH_MAX = 20_000;
const FAULTS: Readonly<Record<KeyFault, string>> = {
  [KeyFault.MALFORMED]: "is not a JWK (RFC 7517) of a public key",
  [KeyFault.PRIVATE]: "is a private key: throw it away, make another and send its public half",
  [KeyFault.UNSUPPORTED]: "is of another kind than Ed25519, X25519, P-256, P-384 or RSA",
  [KeyFault.PURPOSE]:
    "is for something else, as its kind, `use`, `alg` or `key_ops` says: one key signs, another encrypts",
  [KeyFault.WEAK]: "is weak: RSA keys have 2048 to 4096 bits and an exponent of 65537 or more",
  [KeyFault.INVALID_POINT]: "is not a point of its curve",
};

/** Keys to be written down, and for whom. */
export interface NewKeys extends Pick<OwnedClient, "partner">, Pick<NewKey, "notBefore" | "expiresAt"> {
  readonly client: { readonly id: string; readonly partnerId: string | null };
  readonly keys: readonly PublicKey[];
}

/** A key to be registered for a client. */
export interface NewKey {
  readonly clientId: string;
  /** One public JWK as JSON text. */
  readonly jwk: string;
  /** What it is for; null for what the JWK says, which is signing where it says nothing. */
  readonly purposes?: readonly KeyPurpose[] | null;
  /** From when to when it may be used; null where there is no such bound. */
  readonly notBefore?: Date | null;
  readonly expiresAt?: Date | null;
}

/**
 * The public keys of a JWK or JWK Set as JSON text: 1 to 10. Refused with a path when one may not be registered
 * (`VALIDATION`).
 */
export function readKeys(text: string, purposes: readonly KeyPurpose[] | null = null): PublicKey[] {
  const members = jwksOf(parsedJson(text));
  if (members === null || members.length < 1 || members.length > ACTIVE_KEYS_MAX) {
    throw identityError("VALIDATION", { path: "/jwks", reason: `Send a JWK or a JWK Set of 1 to ${ACTIVE_KEYS_MAX}.` });
  }
  return members.map((member, index) => {
    const key = readPublicJwk(member, purposes);
    if (typeof key !== "string") return key;
    throw identityError("VALIDATION", { path: `/jwks/keys/${index}`, fault: key, reason: `The key ${FAULTS[key]}.` });
  });
}

/** Writes a client's keys down with an act each; a kid or a key that is taken fails as a duplicate of the database. */
export async function insertKeys(
  app: App,
  tx: Tx,
  actor: Actor,
  { client, partner, keys, notBefore = null, expiresAt = null }: NewKeys,
): Promise<string[]> {
  const at = app.clock.now();
  const ids = keys.map(() => newId("key", app.clock));
  const rows = keys.map(({ kid, alg, purposes, jwk, thumbprint }, index) => ({
    ...{ tenantId: actor.tenantId, id: ids[index] ?? "", clientId: client.id, partnerId: client.partnerId },
    ...{ kid, alg, purposeList: purposes.join(" "), publicJwk: canonicalJson(jwk), thumbprint },
    ...{ state: KeyState.ACTIVE, createdAt: at, notBefore, expiresAt, registeredBy: actor.principalId },
  }));
  for (const row of rows) await tx.insert(ClientKey, row);
  const acts = rows.map(({ id, kid, alg, purposeList, thumbprint, state }) => ({
    ...{ type: ActType.KEY_REGISTERED, subjectId: id, partner },
    after: {
      ...{ client: client.id, kid, alg, purposes: purposeList, thumbprint: thumbprint.toString("base64url"), state },
      ...{ notBefore: instantOrNull(notBefore), expiresAt: instantOrNull(expiresAt) },
    },
  }));
  await recordActs(tx, actor, at, acts);
  return ids;
}

/** What to answer when a key or its kid is taken: whose it is stays untold. */
export function keyTaken(): Error {
  return identityError("VALIDATION", { path: "/jwks", reason: "A key, or the name of one (kid), is taken already." });
}

/**
 * Registers one more key for a client of the tenant, beside those it has. Refuses a key or kid that is taken, an
 * eleventh active key (`LIMIT_EXCEEDED`), and a key for a client that may do more than the actor (`FORBIDDEN`).
 */
export async function registerKey(
  app: App,
  actor: Actor,
  input: NewKey,
  idempotencyKey: string | null = null,
): Promise<ClientKey> {
  const [key, ...more] = readKeys(input.jwk, input.purposes);
  if (key === undefined || more.length > 0) {
    throw identityError("VALIDATION", { path: "/jwk", reason: "Send one JWK." });
  }
  checkValidity(app, input);
  const owner = await clientToManage(app, actor, input.clientId);
  const request = { operation: "registerKey", idempotencyKey, input: asked(input) };
  try {
    const id = await once(app, actor, request, async (tx) => {
      await checkRoomForKey(tx, actor.tenantId, owner.client.id);
      const [keyId = ""] = await insertKeys(app, tx, actor, { ...input, ...owner, keys: [key] });
      return keyId;
    });
    return await keyOf(app, actor, id);
  } catch (error) {
    throw isDuplicateKey(error) ? keyTaken() : error;
  }
}

/** What is asked, as an idempotency key stands for it. */
function asked({ notBefore = null, expiresAt = null, purposes = null, ...input }: NewKey) {
  return { ...input, purposes, notBefore: instantOrNull(notBefore), expiresAt: instantOrNull(expiresAt) };
}

function instantOrNull(instant: Date | null): string | null {
  return instant === null ? null : instantText(instant);
}

function checkValidity(app: App, { notBefore = null, expiresAt = null }: NewKey): void {
  if (expiresAt === null || expiresAt > (notBefore ?? app.clock.now())) return;
  throw identityError("VALIDATION", { path: "/expiresAt", reason: "A key expires after it begins, and not yet." });
}

async function checkRoomForKey(tx: Tx, tenantId: string, clientId: string): Promise<void> {
  await tx.query("select id from client where tenant_id = ? and id = ? for update", [tenantId, clientId]);
  const active = await tx.countBy(ClientKey, { tenantId, clientId, state: KeyState.ACTIVE });
  if (active >= ACTIVE_KEYS_MAX) throw identityError("LIMIT_EXCEEDED", { max: ACTIVE_KEYS_MAX });
}

function parsedJson(text: string): unknown {
  if (text.length > JWKS_LENGTH_MAX)
    throw identityError("VALIDATION", { path: "/jwks", reason: "The keys are too long." });
  try {
    return parseStrictJson(text);
  } catch (error) {
    if (!(error instanceof StrictJsonFault)) throw error;
    throw identityError("VALIDATION", { path: "/jwks", reason: "The keys are not JSON, or a name occurs twice." });
  }
}
