import { ActType } from "../../acts/entities.js";
import { recordActs } from "../../acts/service.js";
import type { Actor } from "../../kernel/actor.js";
import { instantText } from "../../kernel/clock.js";
import type { App } from "../../platform/app.js";
import { type Tx, transact } from "../../platform/database.js";

/** Acts of one transaction. */
const SLICE_ACTS = 1_000;

interface Place {
  readonly at: Date;
  readonly no: string;
}

/**
 * Erases address and trace of acts of before an instant, a slice and an act of it in each transaction, and goes on
 * where the last slice ended. The leaves have their hashes still. Answers how many acts were erased.
 */
export async function eraseOrigins(app: App, actor: Actor, before: Date): Promise<number> {
  let erased = 0;
  for (;;) {
    const slice = await transact(app, (tx) => eraseSlice(app, tx, actor, before));
    erased += slice;
    if (slice < SLICE_ACTS) return erased;
  }
}

async function eraseSlice(app: App, tx: Tx, actor: Actor, before: Date): Promise<number> {
  await tx.query("select no from tenant where id = ? for update", [actor.tenantId]); // two runs take turns
  const { at, no } = await erasedSoFar(tx, actor);
  const acts: Place[] = await tx.query(
    `select no, at from act force index (ix_act_at)
     where tenant_no = ? and at < ? and at >= ? and (at > ? or no > ?) and tree_index is not null and origin is not null
     order by at, no limit ?`,
    [actor.tenantNo, before, at, at, no, SLICE_ACTS],
  );
  const last = acts.at(-1);
  if (last === undefined) return 0;
  await tx.query("update act set origin = null, address = null where tenant_no = ? and no in (?)", [
    actor.tenantNo,
    acts.map((act) => act.no),
  ]);
  const said = {
    before: { acts: acts.length },
    after: { olderThan: instantText(before), through: { at: instantText(last.at), no: String(last.no) } },
  };
  const act = { type: ActType.ORIGINS_ERASED, subjectId: actor.tenantId, partner: null, ...said };
  await recordActs(tx, actor, app.clock.now(), [act]);
  return acts.length;
}

async function erasedSoFar(tx: Tx, { tenantNo }: Actor): Promise<Place> {
  const [last] = await tx.query(
    "select detail from act where tenant_no = ? and type = ? order by at desc, no desc limit 1",
    [tenantNo, ActType.ORIGINS_ERASED],
  );
  if (last === undefined) return { at: new Date(0), no: "0" };
  const { through } = JSON.parse(last.detail).after;
  return { at: new Date(through.at), no: through.no };
}
