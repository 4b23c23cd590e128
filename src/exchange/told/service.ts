import { z } from "zod";
import { ActType } from "../../acts/entities.js";
import { groupBy } from "../../kernel/group.js";
import type { Reader } from "../../platform/database.js";
import type { Accepted, Posted, Removed, ToldBatch } from "./rules.js";

/** The acts that say where a batch stands. */
const TELLING = [
  ...[ActType.BATCH_ACCEPTED, ActType.BATCH_PARKED, ActType.BATCH_RELEASED, ActType.BATCH_QUARANTINED],
  ...[ActType.BATCH_REJECTED, ActType.BATCH_POSTED, ActType.BATCH_REMOVED],
];
const UNREADABLE = "not readable";

const accepted: z.ZodType<Accepted> = z.object({
  ...{ jti: z.string(), kid: z.string(), itemCount: z.int(), payloadSha256: z.string() },
  encryption: z.object({ kid: z.string(), sha256: z.string() }).optional(),
});
const posted: z.ZodType<Posted> = z.object({
  ...{ posted: z.int(), duplicate: z.int(), pending: z.int(), refused: z.int() },
  ...{ outcomesSha256: z.string(), ledgerVersion: z.string() },
});
const removed: z.ZodType<Removed> = z.object({
  takenIds: z.int(),
  ...{ takenSha256: z.string().optional(), periods: z.array(z.string()).optional() },
});
const State = z.object({ state: z.string() });
const Detail = z.object({ before: z.unknown().optional(), after: z.unknown().optional() });

const NOTHING: ToldBatch = {
  ...{ leafHash: null, accepted: null, posted: null, removed: null, state: "nothing", index: null },
};

/** What acts say of batches, by their ids; of one without any, nothing. */
export async function toldOf(
  reader: Pick<Reader, "query">,
  tenantNo: number,
  batchIds: readonly string[],
): Promise<(batchId: string) => ToldBatch> {
  const rows: TellingAct[] = await reader.query(
    `select subject_id as subjectId, type, detail, leaf_hash as leafHash, tree_index as treeIndex from act
     where tenant_no = ? and subject_id in (?) and type in (?) order by no`,
    [tenantNo, batchIds, TELLING],
  );
  const told = new Map([...groupBy(rows, ({ subjectId }) => subjectId)].map(([id, acts]) => [id, toldBy(acts)]));
  return (batchId) => told.get(batchId) ?? NOTHING;
}

interface TellingAct {
  readonly subjectId: string;
  readonly type: ActType;
  readonly detail: string | null;
  readonly leafHash: Buffer;
  readonly treeIndex: string | null;
}

function toldBy(acts: readonly TellingAct[]): ToldBatch {
  const last = acts.at(-1);
  if (last === undefined) return NOTHING;
  const of = (type: ActType) => acts.findLast((act) => act.type === type);
  const after = <T>(type: ActType, schema: z.ZodType<T>) => schema.safeParse(detailOf(of(type)).after).data ?? null;
  return {
    leafHash: of(ActType.BATCH_ACCEPTED)?.leafHash.toString("hex") ?? null,
    accepted: after(ActType.BATCH_ACCEPTED, accepted),
    posted: after(ActType.BATCH_POSTED, posted),
    removed: after(ActType.BATCH_REMOVED, removed),
    ...{ state: stateOf(last), index: last.treeIndex === null ? null : String(last.treeIndex) },
  };
}

/** What a removed batch was before stays its state. */
function stateOf(last: TellingAct): string {
  const { before, after } = detailOf(last);
  const isRemoval = last.type === ActType.BATCH_REMOVED;
  const { data } = State.safeParse(isRemoval ? before : after);
  return `${data?.state ?? UNREADABLE}${isRemoval ? ", removed" : ""}`;
}

function detailOf(act: TellingAct | undefined): z.infer<typeof Detail> {
  try {
    return Detail.safeParse(JSON.parse(act?.detail ?? "{}")).data ?? {};
  } catch {
    return {}; // somebody wrote something else: it says nothing, which differs from whatever is stored
  }
}
