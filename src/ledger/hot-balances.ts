import { randomUUID } from "node:crypto";
import { z } from "zod";
import type { PartnerNumbers } from "../periods/cursors/service.js";
import type { App } from "../platform/app.js";
import { redisScript, runScript } from "../platform/redis.js";
import { AccountName } from "./entities.js";

/** A copy lives this long at most, so that a mark left by a dead process is soon gone. */
const COPY_LIFE_SECONDS = 60;

/** Balances with the place in history that they show: newer epochs win, then newer versions. */
export interface Copy {
  readonly epoch: number;
  readonly version: bigint;
  readonly accounts: readonly {
    readonly account: AccountName;
    readonly currency: string;
    readonly balanceMinor: bigint;
  }[];
}

/** Whose change a copy waits for. */
export type Mark = string;

const StoredCopy = z.object({
  epoch: z.string().regex(/^\d{1,10}$/),
  version: z.string().regex(/^\d{1,20}$/),
  accounts: z.array(z.tuple([z.enum(AccountName), z.string(), z.string().regex(/^-?\d+$/)])),
});

/** Every writer has a mark of its own, so that one who is done does not lift another's. */
const MARK_PREFIX = "mark:";

/** KEYS[1] copy; ARGV mark, life. A mark says when it was set. */
const MARK = redisScript(`
if redis.call('type', KEYS[1]).ok ~= 'hash' then redis.call('del', KEYS[1]) end
redis.call('hset', KEYS[1], '${MARK_PREFIX}' .. ARGV[1], redis.call('time')[1])
redis.call('expire', KEYS[1], ARGV[2])
return 1`);

/**
 * KEYS[1] copy; ARGV epoch, version, value, mark ("" for none), life. Writes an absolute value if it is newer, and
 * removes our mark and those that outlived their writer. Safe to run twice.
 */
const PUT = redisScript(`
if redis.call('type', KEYS[1]).ok ~= 'hash' then redis.call('del', KEYS[1]) end
local epoch = tonumber(redis.call('hget', KEYS[1], 'epoch') or -1) or -1
local version = string.match(redis.call('hget', KEYS[1], 'version') or '', '^%d+$') or ''
local newer = tonumber(ARGV[1]) > epoch
if tonumber(ARGV[1]) == epoch then
  newer = #ARGV[2] > #version or (#ARGV[2] == #version and ARGV[2] >= version)
end
if newer then redis.call('hset', KEYS[1], 'epoch', ARGV[1], 'version', ARGV[2], 'value', ARGV[3]) end
local fields, oldest = redis.call('hgetall', KEYS[1]), tonumber(redis.call('time')[1]) - tonumber(ARGV[5])
for i = 1, #fields, 2 do
  local isMark = string.sub(fields[i], 1, ${MARK_PREFIX.length}) == '${MARK_PREFIX}'
  if isMark and (fields[i] == '${MARK_PREFIX}' .. ARGV[4] or tonumber(fields[i + 1]) <= oldest) then
    redis.call('hdel', KEYS[1], fields[i])
  end
end
redis.call('expire', KEYS[1], ARGV[5])
return newer and 1 or 0`);

/** KEYS[1] copy. */
const DROP = redisScript(`
if redis.call('type', KEYS[1]).ok ~= 'hash' then return redis.call('del', KEYS[1]) end
return redis.call('hdel', KEYS[1], 'epoch', 'version', 'value')`);

/** Marks a partner's copy as about to change; with Redis away nothing is marked and nothing will be read either. */
export async function markCopy(app: App, partner: PartnerNumbers): Promise<Mark> {
  const mark = randomUUID();
  await withRedis(app, () => runScript(app.redis, MARK, keyOf(app, partner), [mark, COPY_LIFE_SECONDS]));
  return mark;
}

/** Stores a copy unless a newer one is there, and lifts the mark when it is the given one. */
export async function putCopy(app: App, partner: PartnerNumbers, copy: Copy, mark: Mark | null): Promise<void> {
  const accounts = copy.accounts.map(({ account, currency, balanceMinor }) => [
    account,
    currency,
    balanceMinor.toString(),
  ]);
  await withRedis(app, async () => {
    const value = JSON.stringify({ accounts });
    const { epoch, version } = copy;
    const values = [epoch, version.toString(), value, mark ?? "", COPY_LIFE_SECONDS];
    await runScript(app.redis, PUT, keyOf(app, partner), values);
  });
}

/** Deletes a partner's copy; marks stay. */
export async function dropCopy(app: App, partner: PartnerNumbers): Promise<void> {
  await withRedis(app, () => runScript(app.redis, DROP, keyOf(app, partner), []));
}

/** The copy, or null when there is none to trust, when somebody is changing it, or when Redis is away. */
export async function readCopy(app: App, partner: PartnerNumbers): Promise<Copy | null> {
  const stored = await inspectCopy(app, partner);
  return stored === UNREADABLE ? null : stored;
}

/** Something stands where a copy should, and is none: what another release or nobody of ours has written. */
export const UNREADABLE = "unreadable";

/** As `readCopy`, but tells what cannot be read from what is not there. */
export async function inspectCopy(app: App, partner: PartnerNumbers): Promise<Copy | typeof UNREADABLE | null> {
  const key = keyOf(app, partner);
  const fields = await withRedis(app, () => app.redis.hgetall(key).catch(rejectUnless("WRONGTYPE")));
  if (fields === UNREADABLE) return UNREADABLE;
  const { epoch, version, value, ...others } = fields ?? {};
  const isMarked = Object.keys(others).some((field) => field.startsWith(MARK_PREFIX));
  if (value === undefined || isMarked) return null;
  const { success, data } = StoredCopy.safeParse({ epoch, version, ...parsed(value) });
  if (!success) return UNREADABLE;
  return {
    epoch: Number(data.epoch),
    version: BigInt(data.version),
    accounts: data.accounts.map(([account, currency, minor]) => ({ account, currency, balanceMinor: BigInt(minor) })),
  };
}

function parsed(text: string): object {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : {};
  } catch {
    return {}; // no JSON, so no copy
  }
}

function rejectUnless(code: string) {
  return (error: unknown): typeof UNREADABLE => {
    if (error instanceof Error && error.message.startsWith(code)) return UNREADABLE;
    throw error;
  };
}

function keyOf(app: App, partner: PartnerNumbers): string {
  return `${app.config.redisPrefix}:{t${partner.tenantNo}}:balances:${partner.no}`;
}

/** Redis is a convenience here: whatever goes wrong with it is counted, and the database answers. */
async function withRedis<T>(app: App, work: () => Promise<T>): Promise<T | null> {
  try {
    return await work();
  } catch (error) {
    app.metrics.count("hot_balance_misses", { reason: error instanceof Error ? error.name : "unknown" });
    return null;
  }
}
