import { hash16Hex } from "../../kernel/digest.js";
import type { App } from "../../platform/app.js";
import { isConnectionLoss, isDuplicateKey } from "../../platform/database.js";
import { perApp } from "../../platform/per-app.js";
import { redisScript, runScript } from "../../platform/redis.js";
import { identityError } from "../errors.js";

/** A proof whose signature holds; times in milliseconds since 1970. */
export interface UsedProof {
  /** Thumbprint of the key that signed it. */
  readonly jkt: string;
  readonly jti: string;
  readonly nonceMadeAt: number;
  /** From then on it would be refused anyhow. */
  readonly expiresAt: number;
}

/** What is known of a proof: `UNKNOWABLE` where its nonce is older than what the memory reaches back to. */
export type ProofUse = "FIRST" | "REPLAY" | "UNKNOWABLE";

/** The most proofs that are forgotten in one go. */
export const PURGED_MAX = 50_000;
/** How long Redis is left alone after it failed: one that hangs would delay every request. */
const LEFT_ALONE_MS = 1_000;

/**
 * Remembers a proof in Redis, for all processes, until it ends. KEYS[1] says since when everything is remembered. It is
 * gone when Redis has lost its memory, and is raised by who was without Redis meanwhile (ARGV[2]); it never lies ahead
 * of the caller's clock, so that a clock set back locks nobody out. Answers 1 for a first use, 0 for a replay, -1 where
 * nobody can know.
 */
const REMEMBER = redisScript(`
local now, atLeast, nonceMadeAt = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local known = tonumber(redis.call('get', KEYS[1]) or '')
local since = math.min(math.max(known or now, atLeast), now)
if since ~= known then redis.call('set', KEYS[1], ARGV[since == now and 1 or 2]) end
if nonceMadeAt < since then return -1 end
return redis.call('set', KEYS[1] .. ':' .. ARGV[4], '1', 'NX', 'PX', ARGV[5]) and 1 or 0
`);
const USES: Readonly<Record<string, ProofUse>> = { "1": "FIRST", "0": "REPLAY", "-1": "UNKNOWABLE" };

/** How this process stands with Redis. */
interface Standing {
  /** Whether proofs go to the database, since Redis could not be asked. */
  isAway: boolean;
  /** When that last changed; proofs with older nonces may be remembered where this process does not look. */
  changedAt: number;
  /** By the clock that never jumps. */
  leftAloneUntil: number;
}

const standingOf = perApp((app) => {
  const standing: Standing = { isAway: false, changedAt: 0, leftAloneUntil: 0 };
  app.redis.on("close", () => leaveRedis(app, standing)); // what it held may be lost when it is back
  return standing;
});

/**
 * Remembers that a proof was used, over all processes, and says whether it was used before. Where Redis is away the
 * database remembers. When the place changes, or what was remembered is lost, proofs with a nonce from before are
 * `UNKNOWABLE`: their senders are to take a new nonce, so no replay slips through in between.
 */
export async function rememberProof(app: App, proof: UsedProof): Promise<ProofUse> {
  const standing = standingOf(app);
  const hash = hash16Hex(`${proof.jkt}.${proof.jti}`);
  const use = await useInRedis(app, standing, proof, hash);
  if (use !== null) return use;
  leaveRedis(app, standing);
  const isKnowable = proof.nonceMadeAt >= Math.min(standing.changedAt, nowMs(app));
  return isKnowable ? useInDatabase(app, proof, hash) : "UNKNOWABLE";
}

/** Forgets proofs that have ended, of the time without Redis; answers how many. */
export async function purgeProofsForAllTenants(app: App): Promise<number> {
  const { affectedRows } = await app.database.query(
    "/* all tenants */ delete from seen_proof where expires_at < ? limit ?",
    [app.clock.now(), PURGED_MAX],
  );
  return affectedRows;
}

/** Null where Redis cannot be asked. */
async function useInRedis(app: App, standing: Standing, proof: UsedProof, hash: string): Promise<ProofUse | null> {
  if (app.redis.status !== "ready" || performance.now() < standing.leftAloneUntil) return null;
  const now = nowMs(app);
  const atLeast = standing.isAway ? now : standing.changedAt;
  const lifeMs = Math.max(proof.expiresAt - now, 1);
  const key = `${app.config.redisPrefix}:proofs`;
  try {
    const answer = await runScript(app.redis, REMEMBER, key, [now, atLeast, proof.nonceMadeAt, hash, lifeMs]);
    if (standing.isAway) Object.assign(standing, { isAway: false, changedAt: now });
    return USES[String(answer)] ?? null;
  } catch {
    standing.leftAloneUntil = performance.now() + LEFT_ALONE_MS;
    return null; // away, full or read-only: the database remembers instead
  }
}

async function useInDatabase(app: App, { expiresAt }: UsedProof, hash: string): Promise<ProofUse> {
  try {
    await app.database.query("insert into seen_proof (proof_hash, expires_at) values (?, ?)", [
      Buffer.from(hash, "hex"),
      new Date(expiresAt),
    ]);
    return "FIRST";
  } catch (error) {
    if (isDuplicateKey(error)) return "REPLAY";
    throw isConnectionLoss(error) ? identityError("UNAVAILABLE") : error;
  }
}

function leaveRedis(app: App, standing: Standing): void {
  if (!standing.isAway) Object.assign(standing, { isAway: true, changedAt: nowMs(app) });
}

function nowMs(app: App): number {
  return app.clock.now().getTime();
}
