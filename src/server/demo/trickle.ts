import { setTimeout as sleep } from "node:timers/promises";
import { present } from "../../kernel/assert.js";
import type { Clock } from "../../kernel/clock.js";
import type { Sender } from "../partner/delivery.js";
import { signBatch } from "../partner/payload.js";
import { RemoteRefusal } from "../partner-client.js";
import type { PartnerProfile } from "./profile.js";
import { simulateTrickle } from "./simulator.js";

/** A partner with who sends for it. */
export interface LivePartner {
  readonly profile: PartnerProfile;
  readonly sender: Sender;
}

/** What a trickle needs to know. */
export interface TrickleOptions {
  readonly seed: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Told how it goes, every thirty seconds at most. */
  readonly say: (line: string) => void;
}

const TRANSACTIONS_PER_SECOND = 2;
const STATUS_MS = 30_000;
const AWAY_MS = 5_000;

/**
 * Sends live traffic until the signal: a batch of two transactions or what completes their round, by the partners in
 * turn, two transactions a second in the mean. While the API is away, or refuses, it waits and goes on.
 */
export async function trickle(partners: readonly LivePartner[], options: TrickleOptions): Promise<void> {
  const status = statusOf(options);
  for (let turn = 0; !options.signal.aborted; turn++) {
    const partner = present(partners[turn % partners.length], "a partner of the demo");
    const began = performance.now();
    const items = await sendOne(partner, options, turn).catch((error: unknown) => {
      if (!(error instanceof RemoteRefusal)) throw error;
      status.isAway(error.message);
      return null;
    });
    if (items !== null) status.hasSent(items);
    const pauseMs = items === null ? AWAY_MS : (items * 1_000) / TRANSACTIONS_PER_SECOND;
    await pause(pauseMs - (performance.now() - began), options.signal);
  }
}

/** Says how it goes: every change at once, that all is well twice a minute. */
function statusOf({ say }: TrickleOptions) {
  let [sent, saidAt, isAway] = [0, performance.now(), false];
  return {
    isAway(reason: string) {
      if (!isAway) say(`live: waiting, ${reason}`);
      isAway = true;
    },
    hasSent(items: number) {
      if (isAway) say("live: going on");
      isAway = false;
      sent += items;
      const elapsedMs = performance.now() - saidAt;
      if (elapsedMs < STATUS_MS) return;
      say(`live: ${sent} transactions in the last ${Math.round(elapsedMs / 1_000)} seconds`);
      [sent, saidAt] = [0, performance.now()];
    },
  };
}

async function sendOne({ profile, sender }: LivePartner, options: TrickleOptions, turn: number): Promise<number> {
  const { seed, clock } = options;
  const at = clock.now();
  const transactions = simulateTrickle(profile, { seed, at, sequence: turn });
  const items = transactions.map((transaction) => JSON.stringify(transaction));
  const jti = `${profile.code}-t${at.getTime().toString(36)}-${turn.toString(36)}`;
  await sender.session.submit(await signBatch(sender.session, sender.parties, { jti, items }), 0);
  return items.length;
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(Math.max(ms, 0), undefined, { signal }).catch(() => undefined); // the signal cuts the pause short
}
