import { createPrivateKey, createPublicKey } from "node:crypto";
import { ActType } from "../../acts/entities.js";
import { recordActs } from "../../acts/service.js";
import { sealPurpose } from "../../identity/platform-keys/service.js";
import { type Actor, systemActor, type TenantRef } from "../../kernel/actor.js";
import { present } from "../../kernel/assert.js";
import { canonicalJson } from "../../kernel/canonical-json.js";
import { sha256 } from "../../kernel/digest.js";
import { newId } from "../../kernel/ids.js";
import { newKeyPair } from "../../kernel/key-pairs.js";
import type { App } from "../../platform/app.js";
import { type Reader, type Tx, transact } from "../../platform/database.js";
import { vaultOf } from "../../tenancy/vaults/service.js";
import { formatVerifierKey, type NoteSigner, type NoteVerifier, parseVerifierKey } from "../checkpoint.js";
import { LogKey } from "../entities.js";

/** The key of a tenant's log: it signs checkpoints and nothing else, and stays when the platform's keys are rotated. */
export interface LogSigner extends NoteSigner {
  readonly generation: number;
  /** What readers pin: name, key id and public key (C2SP signed-note, "vkey"). */
  readonly verifierKey: string;
}

/**
 * The key that signs a tenant's checkpoints now. It is made on first use, once, whichever process comes first, and kept
 * sealed under the tenant's data key.
 */
export async function logSigner(app: App, tenant: TenantRef): Promise<LogSigner> {
  const known = await newestKey(app.database.manager, tenant.tenantNo);
  const actor = systemActor(tenant, newId("req", app.clock));
  return opened(app, tenant, known ?? (await transact(app, (tx) => makeFirstKey(app, tx, actor))));
}

/** Every key that ever signed checkpoints of a tenant, oldest first, as readers trust them. */
export async function logVerifiers(reader: Reader, tenantNo: number): Promise<NoteVerifier[]> {
  const keys = await reader.find(LogKey, { where: { tenantNo }, order: { generation: "ASC" } });
  return keys.map((key) => present(parseVerifierKey(verifierKeyOf(key)), "the verifier of our own key"));
}

/**
 * Begins the next generation of a log's key, under a name of its own; the caller records the act. Answers the old and
 * the new verifier key.
 */
export async function renewLogKey(app: App, tx: Tx, actor: Actor): Promise<{ from: string; to: string }> {
  await lockTenant(tx, actor.tenantId);
  const old = present(await newestKey(tx, actor.tenantNo), "the key of a log that is restarted");
  const made = await makeKey(app, tx, actor, old.generation + 1);
  return { from: verifierKeyOf(old), to: verifierKeyOf(made) };
}

/** The verifier key of a stored key. */
function verifierKeyOf({ name, publicJwk }: LogKey): string {
  return formatVerifierKey(name, createPublicKey({ key: JSON.parse(publicJwk), format: "jwk" }));
}

async function newestKey(reader: Pick<Reader, "findOne">, tenantNo: number): Promise<LogKey | null> {
  return reader.findOne(LogKey, { where: { tenantNo }, order: { generation: "DESC" } });
}

/** Under the tenant's row lock, so that of two processes the second finds what the first made. */
async function makeFirstKey(app: App, tx: Tx, actor: Actor): Promise<LogKey> {
  await lockTenant(tx, actor.tenantId);
  const known = await newestKey(tx, actor.tenantNo);
  if (known !== null) return known;
  const key = await makeKey(app, tx, actor, 1);
  const after = { owner: "LOG", kid: key.kid, alg: "EdDSA", verifierKey: verifierKeyOf(key) };
  await recordActs(tx, actor, key.createdAt, [
    { type: ActType.KEY_REGISTERED, subjectId: key.kid, partner: null, after },
  ]);
  return key;
}

async function lockTenant(tx: Tx, tenantId: string): Promise<void> {
  await tx.query("select no from tenant where id = ? for update", [tenantId]);
}

async function makeKey(app: App, tx: Tx, actor: Actor, generation: number): Promise<LogKey> {
  const { tenantId, tenantNo } = actor;
  const name = generation === 1 ? `quittance/${tenantId}` : `quittance/${tenantId}/${generation}`;
  const { kty, crv, x, d } = newKeyPair("ed25519").privateKey.export({ format: "jwk" });
  const kid = sha256(canonicalJson({ kty, crv, x })).toString("base64url"); // RFC 7638
  const secret = Buffer.from(canonicalJson({ kty, crv, x, d }));
  const key: LogKey = {
    ...{ tenantNo, generation, name, kid, createdAt: app.clock.now() },
    publicJwk: canonicalJson({ kty, crv, x, kid }),
    privateJwkSealed: (await vaultOf(app, tenantId, tx)).seal(secret, sealPurpose(tenantId, kid)),
  };
  await tx.insert(LogKey, key);
  return key;
}

async function opened(app: App, { tenantId }: TenantRef, key: LogKey): Promise<LogSigner> {
  const vault = await vaultOf(app, tenantId);
  const text = vault.unseal(key.privateJwkSealed, sealPurpose(tenantId, key.kid)).toString("utf8");
  const privateKey = createPrivateKey({ key: JSON.parse(text), format: "jwk" });
  return { generation: key.generation, name: key.name, privateKey, verifierKey: verifierKeyOf(key) };
}
