import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from "rate-limiter-flexible";
import { BoundedMap } from "../kernel/bounded-map.js";
import { defineErrors } from "../kernel/errors.js";
import type { App } from "./app.js";
import { perApp } from "./per-app.js";

/** Whose rate it is: labels of metrics, and the beginning of keys in Redis. */
export type RateKind = "client" | "address";

/** Somebody whose requests are counted. */
export interface Metered {
  readonly kind: RateKind;
  readonly id: string;
  /** Points in every window. */
  readonly pointsMax: number;
}

/** In how many seconds somebody may use up his points. */
const RATE_WINDOW_SECONDS = 10;
/** Points are bought of Redis in blocks, so many of which make up a window's worth. */
const BLOCKS = 20;
const KEPT_MAX = 20_000;
const LIMITERS_MAX = 100;
const PURCHASES_MAX = 50;

const rateError = defineErrors({
  RATE_LIMITED: { message: "More is asked at once than may be; ask again later.", retryable: true },
});

/** Points that this process has bought and not spent. */
interface Purse {
  left: number;
  /** Nothing can be bought before, by the clock that never jumps. */
  emptyUntilMs: number;
  purchase: Promise<void> | null;
}

/**
 * Takes points from somebody's rate, or refuses (`RATE_LIMITED` with `retryAfterMs`). Processes share a rate by Redis,
 * but buy from it in blocks ahead of need: the usual request waits for nobody, and a process may hand out what it
 * bought in the window before. While Redis is away every process counts for itself, with the same limit.
 */
export function takePoints(app: App, metered: Metered, points: number): Promise<void> | undefined {
  const purse = ratesOf(app).purse(metered);
  const wanted = Math.min(points, metered.pointsMax); // whatever costs more than there may ever be takes all of it
  if (!spend(purse, wanted)) return ratesOf(app).buy(metered, purse, wanted);
  if (purse.left < blockOf(metered) / 2) ratesOf(app).restock(metered, purse);
  return undefined;
}

function spend(purse: Purse, points: number): boolean {
  if (purse.left < points) return false;
  purse.left -= points;
  return true;
}

function blockOf({ pointsMax }: Metered): number {
  return Math.max(Math.floor(pointsMax / BLOCKS), 1);
}

const ratesOf = perApp((app) => new Rates(app));

class Rates {
  readonly #purses = new BoundedMap<string, Purse>(KEPT_MAX);
  readonly #limiters = new BoundedMap<string, RateLimiterRedis>(LIMITERS_MAX);

  constructor(readonly app: App) {}

  purse({ kind, id, pointsMax }: Metered): Purse {
    const key = `${kind} ${id} ${pointsMax}`;
    let purse = this.#purses.get(key);
    if (purse === undefined) {
      purse = { left: 0, emptyUntilMs: 0, purchase: null };
      this.#purses.set(key, purse);
    }
    return purse;
  }

  /** Takes points that must be bought first. */
  async buy(metered: Metered, purse: Purse, points: number): Promise<void> {
    for (let purchases = 0; purchases < PURCHASES_MAX; purchases++) {
      if (purse.purchase === null && purse.emptyUntilMs > performance.now()) break;
      await this.#purchase(metered, purse, points);
      if (spend(purse, points)) return;
    }
    this.app.metrics.count("rate_limited", { whose: metered.kind });
    const retryAfterMs = Math.max(Math.ceil(purse.emptyUntilMs - performance.now()), 1);
    throw rateError("RATE_LIMITED", { retryAfterMs });
  }

  /** Buys the next block while the last one is being spent. */
  restock(metered: Metered, purse: Purse): void {
    if (purse.purchase !== null || purse.emptyUntilMs > performance.now()) return;
    this.#purchase(metered, purse, 1).catch((error: unknown) => this.app.log.warn({ err: error }, "rates: no block"));
  }

  /** One purchase at a time; whoever needs points meanwhile waits for the same one. */
  #purchase(metered: Metered, purse: Purse, points: number): Promise<void> {
    purse.purchase ??= this.#consume(metered, purse, Math.max(points, blockOf(metered))).finally(() => {
      purse.purchase = null;
    });
    return purse.purchase;
  }

  async #consume(metered: Metered, purse: Purse, points: number): Promise<void> {
    try {
      await this.#limiter(metered).consume(metered.id, points);
      purse.left += points;
      this.app.metrics.count("rate_points", { whose: metered.kind }, points);
    } catch (refusal) {
      if (!(refusal instanceof RateLimiterRes)) throw refusal;
      purse.emptyUntilMs = performance.now() + Math.max(refusal.msBeforeNext, 1);
    }
  }

  #limiter({ kind, pointsMax }: Metered): RateLimiterRedis {
    const key = `${kind} ${pointsMax}`;
    let limiter = this.#limiters.get(key);
    if (limiter === undefined) {
      const options = { points: pointsMax, duration: RATE_WINDOW_SECONDS };
      const { redis, config } = this.app;
      limiter = new RateLimiterRedis({
        ...{ ...options, storeClient: redis, keyPrefix: `${config.redisPrefix}:rate:${kind}` },
        rejectIfRedisNotReady: true, // then the insurance answers at once
        insuranceLimiter: new RateLimiterMemory(options),
      });
      this.#limiters.set(key, limiter);
    }
    return limiter;
  }
}
