import { setImmediate as breathe } from "node:timers/promises";
import { deliver, type Parcel, type Sender } from "../partner/delivery.js";
import type { PostedBatch } from "../partner/submission.js";
import { type ControlTotals, controlTotals } from "./control.js";
import type { PartnerProfile } from "./profile.js";
import { historyStart } from "./setup.js";
import { type SimulatedBatch, simulateHistory } from "./simulator.js";
import type { DemoState } from "./state.js";

/** What a partner's thirty days are, before they are sent. */
export interface History {
  readonly profile: PartnerProfile;
  readonly batches: readonly SimulatedBatch[];
  readonly control: ControlTotals;
}

/** Simulates a partner's part of the history: the same for the same state, whenever it is begun again. */
export function simulatedHistory(profile: PartnerProfile, state: DemoState): History {
  const { seed, through, transactions } = state;
  const batches = simulateHistory(profile, {
    seed,
    from: historyStart(profile, state),
    through: new Date(through),
    transactions: Math.round(transactions * profile.share),
  });
  return { profile, batches, control: controlTotals(batches) };
}

/** Sends a history through the API and answers its batches as they were posted; throws when an item was refused. */
export async function sendHistory(
  sender: Sender,
  { batches, profile }: History,
  { run, signal }: { readonly run: number; readonly signal: AbortSignal },
  onItems: (items: number) => void,
): Promise<PostedBatch[]> {
  const sent: PostedBatch[] = [];
  await deliver(sender, parcelsOf(batches, run, signal), ({ transactions }, posted) => {
    const [refusal] = posted.refusals;
    if (refusal !== undefined) {
      throw new Error(`${profile.code}: item ${refusal.index} of ${posted.batch.id} was refused (${refusal.code}).`);
    }
    sent.push(posted);
    onItems(transactions.length);
  });
  return sent;
}

/** A batch signed again has another `iat`, so its `jti` names the run: its items come as duplicates then. */
async function* parcelsOf(
  batches: readonly SimulatedBatch[],
  run: number,
  signal: AbortSignal,
): AsyncGenerator<Parcel<SimulatedBatch>> {
  for (const batch of batches) {
    await breathe();
    signal.throwIfAborted();
    const items = batch.transactions.map((transaction) => JSON.stringify(transaction));
    yield { jti: `${batch.jti}-r${run}`, items, content: batch };
  }
}
