import { ActType } from "../../acts/entities.js";
import { recordActs } from "../../acts/service.js";
import { type Actor, systemActor } from "../../kernel/actor.js";
import { present } from "../../kernel/assert.js";
import { CodedError } from "../../kernel/errors.js";
import { newId } from "../../kernel/ids.js";
import type { App } from "../../platform/app.js";
import { describeDatabaseError, transact } from "../../platform/database.js";
import type { Partner } from "../../tenancy/entities.js";
import { partnersByNumber } from "../../tenancy/service.js";
import { batchOf } from "../batches/service.js";
import { exchangeError } from "../errors.js";
import type { WaitingBatch } from "../waiting/service.js";

const PARKED_REASON_LENGTH_MAX = 500;

/** The signal that batches have been posted; its message is their ids, joined by a space. */
export const POSTED_SIGNAL = "posted";

/** The process ended each time while it posted the batch; a sign for the reason alone. */
export class WorkerLost extends Error {
  override readonly name = "WorkerLost";
}

/** Why a batch is given up. */
export interface GivenUp {
  readonly error: unknown;
  /** How often it was tried by itself. */
  readonly tries: number;
}

/** What becomes of a batch that cannot be posted: it stands aside with its reason, and a person decides. */
export async function parkBatch(
  app: App,
  partner: Partner,
  batch: Pick<WaitingBatch, "id" | "no">,
  givenUp: GivenUp,
): Promise<void> {
  const reason = reasonOf(givenUp).slice(0, PARKED_REASON_LENGTH_MAX);
  const { tenantId, tenantNo } = partner;
  await transact(app, async (tx) => {
    const { affectedRows } = await tx.query(
      "update batch set state = 'PARKED', parked_reason = ? where tenant_no = ? and no = ? and state = 'ACCEPTED'",
      [reason, tenantNo, batch.no],
    );
    if (affectedRows === 0) return;
    const act = { type: ActType.BATCH_PARKED, subjectId: batch.id, partner, before: { state: "ACCEPTED" } };
    const after = { state: "PARKED", reason };
    await recordActs(tx, systemActor({ tenantId, tenantNo }, newId("req", app.clock)), app.clock.now(), [
      { ...act, after },
    ]);
  });
  app.metrics.count("batches_parked");
  await tellWaiting(app, [batch]);
}

/**
 * Puts a parked batch back into its partner's queue, once what held it up is mended; it posts now, late if its period
 * is fenced by then. Refused when it is not parked (`VALIDATION`) or was removed (`REMOVED`). Answers its partner,
 * whose queue has work again.
 */
export async function releaseBatch(
  app: App,
  actor: Actor,
  batchId: string,
  reason: string | null = null,
): Promise<Partner> {
  const batch = await batchOf(app, actor, batchId, null);
  if (batch.removedAt !== null) throw exchangeError("REMOVED");
  const [partner] = await partnersByNumber(app, actor, [batch.partnerNo]);
  const owner = present(partner, "the partner of a batch");
  await transact(app, async (tx) => {
    const { affectedRows } = await tx.query(
      `update batch set state = 'ACCEPTED', parked_reason = null, tries = 0
       where tenant_no = ? and no = ? and state = 'PARKED' and removed_at is null`,
      [actor.tenantNo, batch.no],
    );
    if (affectedRows === 0) throw exchangeError("VALIDATION", { path: "batch", reason: "is not parked" });
    const [before, after] = [
      { state: "PARKED", reason: batch.parkedReason },
      { state: "ACCEPTED", reason },
    ];
    const act = { type: ActType.BATCH_RELEASED, subjectId: batch.id, partner: owner, before, after };
    await recordActs(tx, actor, app.clock.now(), [act]);
  });
  return owner;
}

/** Tells whoever waits for them that these batches wait no longer. */
export async function tellWaiting(app: App, batches: readonly Pick<WaitingBatch, "id">[]): Promise<void> {
  if (batches.length === 0) return;
  await app.signals.publish(POSTED_SIGNAL, batches.map((batch) => batch.id).join(" "));
}

/** What failed and what to do, without anything of the input. */
function reasonOf({ error, tries }: GivenUp): string {
  if (error instanceof WorkerLost) {
    return `WORKER_LOST: the worker ended ${tries} times while it posted this batch; see the workers' logs.`;
  }
  const code = error instanceof CodedError ? error.code : "INTERNAL";
  const name = error instanceof Error ? error.name : "unknown";
  const what = describeDatabaseError(error) ?? (error instanceof CodedError ? error.message : name);
  return `${code}: ${what}, ${tries} times; the workers' logs tell more. It posts when it is released.`;
}
