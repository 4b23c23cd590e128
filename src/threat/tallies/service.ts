import type { App } from "../../platform/app.js";
import { perApp } from "../../platform/per-app.js";
import { redisScript, runScript } from "../../platform/redis.js";
import type { SharedCounts, Tally } from "./rules.js";

/** How long what was counted waits to be told to other processes, with all else that was counted meanwhile. */
const SHARE_MS = 500;
/** So many are shared at once; the rest has its turn right after them. */
const SHARED_AT_ONCE_MAX = 1_000;
/** Beyond what processes keep at all; what still came would be told with the next count of the same. */
const DUE_MAX = 100_000;
/** After so many half-lives a sum that nobody adds to is forgotten. */
const HALF_LIVES_KEPT = 10;
const [AT, CLEARED, LIFTED] = ["@at", "@cleared", "@lifted"] as const;

/** A tally that is to be shared. */
export interface DueTally {
  /** Whose it is: the same in every process. */
  readonly key: string;
  readonly tally: Tally<string>;
  /** What to do once it was shared, or could not be; `isMore` where others had counted, too. */
  readonly shared: (isMore: boolean) => Promise<void> | void;
}

/**
 * Tells other processes by Redis what a tally counted, and takes up what they did: beside the work, within half a
 * second, in one call whatever was counted. While Redis is away every process knows what it counted itself, and tells
 * it later.
 */
export function shareSoon(app: App, due: DueTally): void {
  sharingOf(app).soon(due);
}

/** The same now, for all that is due. */
export function shareTallies(app: App): Promise<void> {
  return sharingOf(app).now();
}

/** Has every process begin anew with a tally. */
export async function clearTally(app: App, key: string, tally: Tally<string>): Promise<void> {
  const nowMs = app.clock.now().getTime();
  tally.clear(nowMs);
  if (app.redis.status !== "ready") return;
  const name = redisKey(app, key);
  try {
    const cleared = app.redis
      .multi()
      .del(name)
      .hset(name, { [AT]: nowMs, [CLEARED]: nowMs });
    await cleared.pexpire(name, HALF_LIVES_KEPT * tally.halfLifeMs).exec();
  } catch (error) {
    app.log.warn({ err: error }, "threat: others were not told to begin anew"); // they forget by themselves
  }
}

/** Has every process begin anew with a tally, and take back what followed from its last beginning. */
export async function liftTally(app: App, key: string, halfLifeMs: number): Promise<void> {
  const [name, nowMs] = [redisKey(app, key), app.clock.now().getTime()];
  const lifted = app.redis
    .multi()
    .del(name)
    .hset(name, { [AT]: nowMs, [CLEARED]: nowMs, [LIFTED]: nowMs });
  await lifted.pexpire(name, HALF_LIVES_KEPT * halfLifeMs).exec();
}

const sharingOf = perApp((app) => new Sharing(app));

class Sharing {
  #due = new Map<string, DueTally>();
  #timer: NodeJS.Timeout | null = null;
  #last = Promise.resolve();

  constructor(readonly app: App) {}

  soon(due: DueTally): void {
    if (this.#due.size >= DUE_MAX) return;
    this.#due.set(due.key, due);
    this.#timer ??= setTimeout(() => void this.now(), SHARE_MS).unref();
  }

  /** One sharing after the other, so that whoever waits for this one has waited for what was under way, too. */
  now(): Promise<void> {
    this.#last = this.#last.then(() => this.#shareDue());
    return this.#last;
  }

  async #shareDue(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const due = [...this.#due.values()];
    this.#due = new Map();
    for (let from = 0; from < due.length; from += SHARED_AT_ONCE_MAX) {
      await Promise.all(due.slice(from, from + SHARED_AT_ONCE_MAX).map((each) => this.#share(each)));
    }
  }

  /** Trouble is told to the log alone: what is not shared still counts here. */
  async #share({ key, tally, shared }: DueTally): Promise<void> {
    try {
      await shared(this.app.redis.status === "ready" && (await exchange(this.app, key, tally)));
    } catch (error) {
      this.app.log.warn({ err: error, key }, "threat: a count was not shared");
    }
  }
}

/**
 * Whether others had counted, too. What got lost on its way is not told again, so that nothing counts twice; nor is an
 * answer taken up that was asked for before the tally began anew.
 */
async function exchange(app: App, key: string, tally: Tally<string>): Promise<boolean> {
  const nowMs = app.clock.now().getTime();
  const { clearedAtMs } = tally;
  const keptMs = HALF_LIVES_KEPT * tally.halfLifeMs;
  const values = [nowMs, tally.halfLifeMs, keptMs, ...tally.takeUntold(nowMs).flat()];
  const answer = await runScript(app.redis, ADD, redisKey(app, key), values);
  if (tally.clearedAtMs !== clearedAtMs) return false;
  return tally.takeShared(sharedIn(answer), app.clock.now().getTime());
}

function redisKey(app: App, key: string): string {
  return `${app.config.redisPrefix}:threat:${key}`;
}

/** Fades what is kept, adds what is told, and answers all of it; who tells nothing writes nothing. */
const ADD = redisScript(`
  local now, halfLife, kept = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3]
  local counts, at, answer = {}, now, {}
  local stored = redis.call('HGETALL', KEYS[1])
  for each = 1, #stored, 2 do counts[stored[each]] = tonumber(stored[each + 1]) end
  local cleared, lifted = counts['${CLEARED}'], counts['${LIFTED}']
  if counts['${AT}'] then at = counts['${AT}'] end
  local later = math.max(at, now)
  local faded = 0.5 ^ ((later - at) / halfLife)
  counts['${AT}'], counts['${CLEARED}'], counts['${LIFTED}'] = nil, nil, nil
  for name, value in pairs(counts) do counts[name] = value * faded end
  for each = 4, #ARGV, 2 do
    counts[ARGV[each]] = (counts[ARGV[each]] or 0) + tonumber(ARGV[each + 1])
  end
  for name, value in pairs(counts) do
    answer[#answer + 1] = name
    answer[#answer + 1] = string.format('%.17g', value)
  end
  if #ARGV > 3 then
    redis.call('HSET', KEYS[1], '${AT}', string.format('%.0f', later), unpack(answer))
    redis.call('PEXPIRE', KEYS[1], kept)
  end
  if cleared then
    answer[#answer + 1] = '${CLEARED}'
    answer[#answer + 1] = string.format('%.0f', cleared)
  end
  if lifted then
    answer[#answer + 1] = '${LIFTED}'
    answer[#answer + 1] = string.format('%.0f', lifted)
  end
  return answer
`);

function sharedIn(answer: unknown): SharedCounts {
  const totals = new Map<string, number>();
  const parts = Array.isArray(answer) ? answer.map(String) : [];
  for (let each = 0; each + 1 < parts.length; each += 2) totals.set(parts[each] ?? "", Number(parts[each + 1]));
  const instantOf = (name: string) => totals.get(name) ?? Number.NEGATIVE_INFINITY;
  const [clearedAtMs, liftedAtMs] = [instantOf(CLEARED), instantOf(LIFTED)];
  for (const name of [CLEARED, LIFTED]) totals.delete(name);
  return { totals, clearedAtMs, liftedAtMs };
}
