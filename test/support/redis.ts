import type { App } from "../../src/platform/app.js";

/** What FLUSHALL does to an App: every key of its prefix is gone. Other test files share the server, so theirs stay. */
export async function loseRedis(app: App): Promise<void> {
  const pattern = `${app.config.redisPrefix.replace(/[{}]/g, "?")}*`;
  for (let cursor = "0"; ; ) {
    const [next, keys] = await app.redis.scan(cursor, "MATCH", pattern, "COUNT", 1_000);
    if (keys.length > 0) await app.redis.del(...keys);
    if (next === "0") return;
    cursor = next;
  }
}
