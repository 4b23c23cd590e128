import type { App } from "../../src/platform/app.js";

const LOSE = "for _, key in ipairs(redis.call('KEYS', ARGV[1])) do redis.call('DEL', key) end";

/**
 * What FLUSHALL does to an App: every key of its prefix is gone, all at once. Other test files share the server, so
 * theirs stay.
 */
export async function loseRedis(app: App): Promise<void> {
  await app.redis.eval(LOSE, 0, `${app.config.redisPrefix.replace(/[{}]/g, "?")}*`);
}
