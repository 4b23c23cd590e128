import { ActType } from "../../acts/entities.js";
import { recordActs } from "../../acts/service.js";
import { type Actor, systemActor } from "../../kernel/actor.js";
import { instantText, later } from "../../kernel/clock.js";
import { newId } from "../../kernel/ids.js";
import type { App } from "../../platform/app.js";
import { type Tx, transact } from "../../platform/database.js";
import { rotateAgedKeysForAllTenants } from "../encryption-keys/service.js";
import { PlatformKey, PlatformKeyPurpose } from "../entities.js";
import { identityError } from "../errors.js";
import { forgetRing, insertSigningKey } from "../platform-keys/service.js";

/** How long a key is published before it signs, unless it must at once: by then every kept JWK Set was renewed. */
const PUBLISHED_AHEAD_MS = 3_600_000;
const DAY_MS = 86_400_000;
const ROTATED_MAX = 200;
const purpose = PlatformKeyPurpose.SIGNING;

/** Why a signing key is replaced before its time. */
export interface Compromise {
  /** The key; null for the one that signs now. */
  readonly kid: string | null;
  readonly since: Date;
  readonly reason: string;
}

/** How the platform's signing key of a tenant is replaced. */
export interface PlatformRotation {
  /** Whether the new key signs at once, rather than an hour after it is published; it does after a compromise. */
  readonly isAtOnce: boolean;
  readonly compromise: Compromise | null;
}

/** The key that signs next, and from when on. */
export interface NextSigner {
  readonly kid: string;
  readonly signsFrom: Date;
}

/**
 * Makes the next signing key of a tenant, or of the installation. What was signed before keeps its kid, which stays in
 * the JWK Set for ever. A key that was published and does not sign yet is not followed by another, unless at once.
 */
export async function rotatePlatformKey(
  app: App,
  actor: Actor,
  { isAtOnce, compromise }: PlatformRotation,
): Promise<NextSigner> {
  const { tenantId } = actor;
  const next = await transact(app, async (tx) => {
    await tx.query("select no from tenant where id = ? for update", [tenantId]);
    const keys = await tx.find(PlatformKey, { where: { tenantId, purpose }, order: { signsFrom: "DESC", id: "DESC" } });
    const now = app.clock.now();
    const [newest] = keys;
    const isWaiting = newest !== undefined && newest.signsFrom !== null && newest.signsFrom > now;
    if (isWaiting && !isAtOnce && compromise === null) return { kid: newest.kid, signsFrom: newest.signsFrom ?? now };
    if (compromise !== null) await markCompromised(app, tx, actor, keys, compromise);
    const signsFrom = isAtOnce || compromise !== null ? now : later(now, PUBLISHED_AHEAD_MS);
    await tx.query(
      "update platform_key set retired_at = ? where tenant_id = ? and purpose = ? and retired_at is null",
      [signsFrom, tenantId, purpose],
    );
    const replaces = keys.find((key) => key.signsFrom !== null && key.signsFrom <= now)?.kid;
    const says = { signsFrom: instantText(signsFrom), ...(replaces === undefined ? {} : { replaces }) };
    return { kid: await insertSigningKey(app, tx, actor, { signsFrom, says }), signsFrom };
  });
  forgetRing(app, tenantId);
  return next;
}

/** Replaces every platform key that is older than it may become. Answers how many that were. */
export async function rotatePlatformKeysForAllTenants(app: App): Promise<number> {
  const { platformKeyDays } = app.config;
  if (platformKeyDays === 0) return 0;
  const before = later(app.clock.now(), -platformKeyDays * DAY_MS);
  const tenants: { tenantId: string; tenantNo: number }[] = await app.database.query(
    `/* all tenants */ select tenant.id as tenantId, tenant.no as tenantNo
     from platform_key join tenant on tenant.id = platform_key.tenant_id
     where platform_key.purpose = ? group by tenant.id, tenant.no having max(platform_key.signs_from) < ? limit ?`,
    [purpose, before, ROTATED_MAX],
  );
  for (const tenant of tenants) {
    const actor = systemActor(tenant, newId("req", app.clock));
    await rotatePlatformKey(app, actor, { isAtOnce: false, compromise: null });
  }
  return tenants.length + (await rotateAgedKeysForAllTenants(app, before));
}

/** The platform's signing keys of a tenant, newest first. */
export async function signingKeysOf(app: App, tenantId: string): Promise<PlatformKey[]> {
  return app.database.manager.find(PlatformKey, {
    where: { tenantId, purpose },
    order: { signsFrom: "DESC", id: "DESC" },
  });
}

/** Of a key that was marked before, the earlier instant counts. */
async function markCompromised(
  app: App,
  tx: Tx,
  actor: Actor,
  keys: readonly PlatformKey[],
  { kid, since, reason }: Compromise,
): Promise<void> {
  const now = app.clock.now();
  const key = keys.find((each) => (kid === null ? each.signsFrom !== null && each.signsFrom <= now : each.kid === kid));
  if (key === undefined) throw identityError("NOT_FOUND", { what: "key" });
  if (since > now) throw identityError("VALIDATION", { path: "/since", reason: "That instant is ahead." });
  if (key.compromisedAt !== null && key.compromisedAt <= since) return;
  await tx.update(PlatformKey, { tenantId: actor.tenantId, id: key.id }, { compromisedAt: since });
  const before = { compromisedAt: key.compromisedAt === null ? null : instantText(key.compromisedAt) };
  const says = { owner: "PLATFORM", kid: key.kid, cause: "COMPROMISED", compromisedAt: instantText(since), reason };
  const act = { type: ActType.KEY_REVOKED, subjectId: key.id, partner: null };
  await recordActs(tx, actor, now, [{ ...act, before, after: says }]);
}
