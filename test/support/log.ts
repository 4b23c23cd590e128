import { ActType } from "../../src/acts/entities.js";
import { recordActs } from "../../src/acts/service.js";
import { numberActsForAllTenants } from "../../src/events/relay/service.js";
import { present } from "../../src/kernel/assert.js";
import type { App } from "../../src/platform/app.js";
import { transact } from "../../src/platform/database.js";
import { tryLease } from "../../src/platform/lease.js";
import { logSigner } from "../../src/transparency/keys/service.js";
import type { SignedTree } from "../../src/transparency/reading/service.js";
import { signCheckpoint } from "../../src/transparency/service.js";
import type { SeededTenant } from "./seeds.js";

/** Records acts about the subjects `s-<from>` and on, and has the relay integrate all there is. */
export async function growLog(app: App, home: SeededTenant, count: number, from = 0): Promise<void> {
  const acts = Array.from({ length: count }, (_, index) => {
    return { type: ActType.BATCH_REFUSED, subjectId: `s-${from + index}`, partner: null, after: { index } };
  });
  await transact(app, (tx) => recordActs(tx, home.actor, app.clock.now(), acts));
  await numberAll(app);
}

/** Has the relay integrate all there is. */
export async function numberAll(app: App): Promise<void> {
  await numberActsForAllTenants(app, present(await tryLease(app, "relay"), "the lease"));
}

/** Grows a log that is signed already, or is to be, and signs it. */
export async function growSigned(app: App, home: SeededTenant, count: number, from = 0): Promise<SignedTree> {
  await logSigner(app, home.actor); // its first use is an act itself
  await growLog(app, home, count, from);
  return present(await signCheckpoint(app, home.tenant), "a checkpoint");
}

/** Everything of the log as it was at a size below 256, as a backup of that moment has it. */
export async function restoreLog(app: App, home: SeededTenant, size: number): Promise<void> {
  const { no } = home.tenant;
  const run = (sql: string, values: unknown[]) => app.database.query(sql, values);
  await run("delete from act where tenant_no = ? and (tree_index >= ? or tree_index is null)", [no, size]);
  await run("delete from log_checkpoint where tenant_no = ? and size > ?", [no, size]);
  await run("delete from log_anchor where tenant_no = ?", [no]);
  await run("update log_tile set hashes = left(hashes, ?) where tenant_no = ?", [size * 32, no]);
  if (size === 0) await run("delete from log_tile where tenant_no = ?", [no]);
  const [checkpoint] = await run("select root from log_checkpoint where tenant_no = ? and size = ?", [no, size]);
  if (checkpoint !== undefined) {
    await run("update log_tree set size = ?, root = ? where tenant_no = ?", [size, checkpoint.root, no]);
  }
}
