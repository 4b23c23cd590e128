import type { ActType } from "../../acts/entities.js";
import type { Actor } from "../../kernel/actor.js";
import type { App } from "../../platform/app.js";
import { partnerNamedOrOwn } from "../../tenancy/service.js";
import { eventError } from "../errors.js";
import { type Feed, feedsOf } from "../feeds/service.js";
import { type LiveEvent, lastSequence, type PartnerStream, storedEvents } from "../streams/service.js";

/** What a subscriber asks for. */
export interface FollowRequest {
  readonly partnerId?: string | null;
  readonly afterSequence?: number | null;
}

/** What a subscriber wants of a partner's stream. */
export interface Subscription {
  readonly stream: PartnerStream;
  /** The last sequence it has seen; null to begin with what comes next. */
  readonly afterSequence: number | null;
  readonly types: ReadonlySet<ActType>;
  /** When its token ends, and the subscription with it; null for never. */
  readonly until: Date | null;
}

/** Events that end when the consumer lets go, even while it waits for the next one. */
export type EventStream = AsyncIterableIterator<LiveEvent>;

/**
 * Follows the acts of a partner that the actor may see, as long as its token is good. Refuses a sequence that the
 * stream has not reached (`VALIDATION`), which a client cannot have seen.
 */
export async function follow(
  app: App,
  actor: Actor,
  request: FollowRequest,
  types: readonly ActType[],
): Promise<EventStream> {
  const partner = await partnerNamedOrOwn(app, actor, request.partnerId ?? null);
  const stream = { tenantNo: partner.tenantNo, partnerNo: partner.no };
  const afterSequence = request.afterSequence ?? null;
  if (afterSequence !== null && afterSequence > (await lastSequence(app.database.manager, stream))) {
    throw eventError("VALIDATION", { path: "/afterSequence", reason: "The stream has not reached that sequence." });
  }
  return subscribe(app, { stream, afterSequence, types: new Set(types), until: actor.expiresAt });
}

/**
 * Follows a partner's acts from a sequence on: every one of the wanted types once, in order, without a gap, whatever
 * Redis lost meanwhile. A slow reader holds nothing but its position.
 */
export function subscribe(app: App, subscription: Subscription): EventStream {
  const follower = new Follower(app, subscription);
  const events = follower.events();
  return {
    next: () => events.next(),
    return: async () => {
      follower.stop(); // ends a wait for the next event; what follows ends a pause between two
      return events.return(undefined);
    },
    throw: async (error) => {
      follower.stop();
      await events.return(undefined);
      throw error;
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

const TIMER_MS_MAX = 2 ** 31 - 1;

class Follower {
  #isStopped = false;
  #timer: NodeJS.Timeout | undefined;
  #stop: () => void = () => undefined;
  readonly #stopped = new Promise<void>((resolve) => {
    this.#stop = resolve;
  });

  constructor(
    readonly app: App,
    readonly subscription: Subscription,
  ) {}

  stop(): void {
    this.#isStopped = true;
    this.#stop();
  }

  async *events(): AsyncGenerator<LiveEvent, undefined> {
    const { stream, until } = this.subscription;
    const feeds = feedsOf(this.app);
    const feed = await feeds.join(stream);
    if (until !== null) this.#stopAt(until);
    try {
      yield* this.#follow(feed);
    } finally {
      clearTimeout(this.#timer);
      feeds.leave(feed);
    }
  }

  /** A timer may fire a millisecond early, and knows no wait above 24 days; what ends is over by the clock as well. */
  #stopAt(until: Date): void {
    const leftMs = until.getTime() - this.app.clock.now().getTime();
    if (leftMs <= 0) this.stop();
    else this.#timer = setTimeout(() => this.#stopAt(until), Math.min(leftMs, TIMER_MS_MAX));
  }

  async *#follow(feed: Feed): AsyncGenerator<LiveEvent, undefined> {
    const { stream, types } = this.subscription;
    let after = this.subscription.afterSequence ?? (await lastSequence(this.app.database.manager, stream));
    while (!this.#isStopped && !feed.isClosed) {
      const changed = feed.rung(); // before reading, so that nothing slips in between
      const events = await this.#after(feed, after);
      for (const event of events) {
        if (this.#isStopped) return;
        after = event.sequence;
        if (types.has(event.type)) yield event;
      }
      if (events.length === 0) await Promise.race([changed, this.#stopped]);
    }
  }

  async #after(feed: Feed, sequence: number): Promise<readonly LiveEvent[]> {
    return feed.after(sequence) ?? storedEvents(this.app.database.manager, this.subscription.stream, sequence);
  }
}
