import { randomUUID } from "node:crypto";
import { z } from "zod";
import type { PartnerNumbers } from "../periods/cursors/service.js";
import type { App } from "../platform/app.js";
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
  accounts: z.array(z.tuple([z.enum(AccountName), z.string(), z.string().regex(/^-?\d+$/)])),
});

/**
 * KEYS[1] copy; ARGV epoch, version, value, mark ("" for none), life. Writes an absolute value if it is newer, and removes
 * the mark if it is ours. Safe to run twice.
 */
const PUT = `
local epoch, version, mark = tonumber(redis.call('hget', KEYS[1], 'epoch') or -1), redis.call('hget', KEYS[1], 'version') or '', redis.call('hget', KEYS[1], 'mark')
local newer = tonumber(ARGV[1]) > epoch
if tonumber(ARGV[1]) == epoch then
  newer = #ARGV[2] > #version or (#ARGV[2] == #version and ARGV[2] >= version)
end
if newer then redis.call('hset', KEYS[1], 'epoch', ARGV[1], 'version', ARGV[2], 'value', ARGV[3]) end
if mark and mark == ARGV[4] then redis.call('hdel', KEYS[1], 'mark') end
redis.call('expire', KEYS[1], ARGV[5])
return newer and 1 or 0`;

/** Marks a partner's copy as about to change; with Redis away nothing is marked and nothing will be read either. */
export async function markCopy(app: App, partner: PartnerNumbers): Promise<Mark> {
  const mark = randomUUID();
  await withRedis(app, async () => {
    const key = keyOf(app, partner);
    await app.redis.multi().hset(key, "mark", mark).expire(key, COPY_LIFE_SECONDS).exec();
  });
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
    await app.redis.eval(PUT, 1, keyOf(app, partner), epoch, version.toString(), value, mark ?? "", COPY_LIFE_SECONDS);
  });
}

/** The copy, or null when there is none, when somebody is changing it, or when Redis is away. */
export async function readCopy(app: App, partner: PartnerNumbers): Promise<Copy | null> {
  const fields = await withRedis(app, () => app.redis.hgetall(keyOf(app, partner)));
  const { epoch, version, value, mark } = fields ?? {};
  if (epoch === undefined || version === undefined || value === undefined || mark !== undefined) return null;
  const { accounts } = StoredCopy.parse(JSON.parse(value));
  return {
    epoch: Number(epoch),
    version: BigInt(version),
    accounts: accounts.map(([account, currency, minor]) => ({ account, currency, balanceMinor: BigInt(minor) })),
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
