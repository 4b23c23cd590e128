import type { App } from "../../platform/app.js";
import { FILE_ANCHOR } from "../anchors/service.js";
import { witnessesIn } from "../witnesses/service.js";

/** How far what outsiders can check is behind what happened; 0 where nothing is. */
export interface LogLags {
  /** Age of the oldest act that is numbered and in no checkpoint. */
  readonly unsignedMs: number;
  readonly anchors: readonly AnchorLag[];
}

/** The same for one witness, or the anchor file, over all logs. */
export interface AnchorLag {
  readonly anchor: string;
  /** Age of the oldest act that it does not hold. */
  readonly lagMs: number;
  /** Logs that something was wrong with when it was last asked. */
  readonly faults: number;
}

/** Reads how far checkpoints, and the witnesses and the file that are configured, are behind, over all tenants. */
export async function logLagsForAllTenants(app: App): Promise<LogLags> {
  const nowMs = app.clock.now().getTime();
  const ageMs = (at: Date | null | undefined) =>
    at === null || at === undefined ? 0 : Math.max(0, nowMs - at.getTime());
  const [unsigned]: { at: Date | null }[] = await app.database.query(
    `/* all tenants */ select min(act.at) as at from log_tree join act on act.tenant_no = log_tree.tenant_no
       and act.tree_index = (select coalesce(max(log_checkpoint.size), 0) from log_checkpoint
         where log_checkpoint.tenant_no = log_tree.tenant_no)`,
  );
  const names = witnessesIn(app.config).map(({ verifier }) => verifier.name);
  if (app.config.anchorDir !== null) names.push(FILE_ANCHOR);
  const rows: { name: string; at: Date | null; faults: string }[] = await app.database.query(
    `/* all tenants */ select log_anchor.name, min(act.at) as at, count(log_anchor.fault) as faults from log_anchor
     left join act on act.tenant_no = log_anchor.tenant_no and act.tree_index = log_anchor.size
     where log_anchor.name in (?) group by log_anchor.name`,
    [[...names, ""]],
  );
  const anchors = rows.map(({ name, at, faults }) => ({ anchor: name, lagMs: ageMs(at), faults: Number(faults) }));
  return { unsignedMs: ageMs(unsigned?.at), anchors };
}
