import { ActType } from "../../acts/entities.js";
import { recordActs } from "../../acts/service.js";
import type { Actor } from "../../kernel/actor.js";
import type { App } from "../../platform/app.js";
import { transact } from "../../platform/database.js";
import { tenantOf } from "../../tenancy/service.js";
import { heldOutside } from "../anchors/service.js";
import { logSigner, renewLogKey } from "../keys/service.js";

/** The verifier keys of a log before and after it was restarted. */
export interface RestartedLog {
  readonly from: string;
  readonly to: string;
}

/**
 * Gives a tenant's log a new name and key, after leaves were lost for good or its key was: to its readers it is another
 * log, since the old one can no longer be continued honestly. The act says why, and what was held of the old one
 * outside; that the file cannot be read, or its last lines are torn, keeps nobody from it, and is said too. For the
 * operator's shell.
 */
export async function restartLog(app: App, actor: Actor, reason: string): Promise<RestartedLog> {
  await logSigner(app, actor);
  const { checkpoint: held, fault } = await heldOutside(app, await tenantOf(app, actor.tenantId));
  return transact(app, async (tx) => {
    const { from, to } = await renewLogKey(app, tx, actor);
    // Witnesses and the file know nothing of the new name yet; who is gone for good stays so.
    await tx.query("delete from log_anchor where tenant_no = ? and waived_until is null", [actor.tenantNo]);
    await tx.query("update log_anchor set size = 0, held_at = null, fault = 'AWAY' where tenant_no = ?", [
      actor.tenantNo,
    ]);
    const lost = held === null ? null : { size: held.size, root: held.root.toString("base64") };
    const after = { verifierKey: to, reason, heldOutside: lost, ...(fault === null ? {} : { anchorFault: fault }) };
    const act = { type: ActType.LOG_RESTARTED, subjectId: actor.tenantId, partner: null, after };
    await recordActs(tx, actor, app.clock.now(), [{ ...act, before: { verifierKey: from } }]);
    return { from, to };
  });
}
