import { expect, onTestFinished, test, vi } from "vitest";
import { CodedError, type RefusalDetails } from "../../src/kernel/errors.js";
import { closeApp } from "../../src/platform/open-app.js";
import { type Metered, takePoints } from "../../src/platform/rates.js";
import { openTestApp, testApp } from "../support/app.js";

const app = await testApp();
const other = await testApp({ config: { redisPrefix: app.config.redisPrefix } });
let callers = 0;

function caller(pointsMax: number): Metered {
  callers += 1;
  return { kind: "client", id: `cli_${callers}`, pointsMax };
}

/** How many of so many requests are let through. */
async function passed(places: readonly (typeof app)[], metered: Metered, requests: number, points = 1) {
  let count = 0;
  for (let request = 0; request < requests; request++) {
    const place = places[request % places.length] ?? app;
    const isIn = await Promise.resolve(takePoints(place, metered, points)).then(
      () => true,
      () => false,
    );
    if (isIn) count += 1;
  }
  return count;
}

/** What one request more is refused with. */
async function refusalOf(metered: Metered): Promise<RefusalDetails> {
  try {
    await takePoints(app, metered, 1);
  } catch (error) {
    if (error instanceof CodedError) return error.details;
    throw error;
  }
  throw new Error("it was let through");
}

test("somebody gets his points and no more, and is told when to come again", async () => {
  const metered = caller(100);
  expect(await passed([app], metered, 150)).toBe(100);
  await expect(takePoints(app, metered, 1)).rejects.toMatchObject({
    code: "RATE_LIMITED",
    retryable: true,
    details: { retryAfterMs: expect.any(Number) },
  });
  const { retryAfterMs } = await refusalOf(metered);
  expect(retryAfterMs).toBeGreaterThan(0);
  expect(retryAfterMs).toBeLessThanOrEqual(10_000);
});

test("processes share a rate, and each holds back no more than a block", async () => {
  const count = await passed([app, other], caller(200), 400);
  expect(count).toBeGreaterThanOrEqual(180);
  expect(count).toBeLessThanOrEqual(200);
});

test("who asks for much pays for much, and what costs more than there ever is takes all of it", async () => {
  expect(await passed([app], caller(100), 20, 10)).toBe(10);
  expect(await passed([app], caller(100), 3, 1_000)).toBe(1);
});

test("one caller's rate is not another's, nor an address's a client's", async () => {
  const metered = caller(10);
  expect(await passed([app], metered, 20)).toBe(10);
  expect(await passed([app], { ...metered, kind: "address" }, 20)).toBe(10);
  expect(await passed([app], caller(10), 20)).toBe(10);
});

test("of many at once no more are let through than there are points", async () => {
  const metered = caller(100);
  const all = await Promise.allSettled(Array.from({ length: 300 }, async () => takePoints(app, metered, 1)));
  expect(all.filter(({ status }) => status === "fulfilled")).toHaveLength(100);
});

test("the usual request waits for nobody: what it takes was bought before", async () => {
  const metered = caller(1_000);
  await takePoints(app, metered, 1);
  const waited: unknown[] = [];
  for (let request = 0; request < 40; request++) waited.push(takePoints(app, metered, 1));
  expect(waited.filter((each) => each !== undefined)).toEqual([]);
});

test("without Redis a process counts for itself, with the same limit", async () => {
  const alone = await openTestApp({ config: { redisUrl: "unix:///nowhere/redis.sock" } });
  onTestFinished(() => closeApp(alone));
  expect(await passed([alone], caller(100), 150)).toBe(100);
});

test("a Redis that is flushed takes no points away, and gives at most a window's worth again", async () => {
  const metered = caller(100);
  expect(await passed([app], metered, 60)).toBe(60);
  const keys = await app.redis.keys(`${app.config.redisPrefix.replace(/[{}]/g, "?")}:rate:*`);
  expect(keys.length).toBeGreaterThan(0);
  await app.redis.del(keys);
  expect(await passed([app], metered, 200)).toBeLessThanOrEqual(110);
});

test("when the window is over there are points again", async () => {
  const metered = caller(20);
  expect(await passed([app], metered, 25)).toBe(20);
  const { retryAfterMs } = await refusalOf(metered);
  const key = `${app.config.redisPrefix}:rate:client:${metered.id}`;
  expect(await app.redis.pttl(key)).toBeGreaterThan(0);
  await app.redis.del(key); // as its expiry does
  vi.spyOn(performance, "now").mockReturnValue(performance.now() + Number(retryAfterMs));
  onTestFinished(() => void vi.restoreAllMocks());
  expect(await passed([app], metered, 5)).toBe(5);
});
