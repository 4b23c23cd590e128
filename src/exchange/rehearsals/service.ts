import { signingKey } from "../../identity/keys/service.js";
import type { Actor } from "../../kernel/actor.js";
import type { App } from "../../platform/app.js";
import { takingTurns } from "../../platform/turns.js";
import type { Partner } from "../../tenancy/entities.js";
import type { ThreatContribution } from "../../threat/assessments/entities.js";
import { ThreatVerdict } from "../../threat/entities.js";
import { rehearsalOf } from "../../threat/rehearsals/service.js";
import { acceptedTransactions, envelopesOf } from "../contents/service.js";
import { figuresOf } from "../figures/rules.js";

/** How many batches are judged, and how many where nobody says. */
export const BATCHES_REHEARSED = { max: 1_000, default: 200 } as const;
/** Older batches are left out once there are so many transactions, some second of work. */
const ITEMS_MAX = 100_000;
/** Envelopes read at a time. */
const READ_AT_ONCE = 50;

/** What would have become of a batch. */
export interface RehearsedBatch {
  readonly batchId: string;
  readonly verdict: ThreatVerdict;
  readonly score: number;
  readonly contributions: readonly ThreatContribution[];
}

/** What a version of the rules would have done. */
export interface Rehearsal {
  /** How many batches were judged. */
  readonly batches: number;
  /** Since when. */
  readonly since: Date | null;
  /** Those that would not have passed, newest first. */
  readonly caught: readonly RehearsedBatch[];
}

/**
 * Judges the last batches that a partner signed itself by a version of the rules: what would have been quarantined.
 * Writes nothing.
 */
export async function rehearseThreatRules(
  app: App,
  actor: Actor,
  partner: Partner,
  { threatRulesId, last }: { readonly threatRulesId: string; readonly last: number },
): Promise<Rehearsal> {
  const judged = await rehearsalOf(app, actor, partner, threatRulesId);
  const rows = await lastBatches(app, partner, last);
  const turn = takingTurns();
  const caught: RehearsedBatch[] = [];
  for (let start = 0; start < rows.length; start += READ_AT_ONCE) {
    const some = rows.slice(start, start + READ_AT_ONCE);
    const [envelopes, addresses] = await Promise.all([
      envelopesOf(
        app.database.manager,
        partner.tenantNo,
        some.map(({ no }) => String(no)),
      ),
      addressesOf(app, partner, some),
    ]);
    for (const { no, id, kid, acceptedAt: at, payloadSha256 } of some) {
      const envelope = envelopes.get(String(no));
      const key = await signingKey(app, partner.tenantId, kid);
      if (envelope === undefined || key === null) continue; // its content was removed
      await turn();
      const figures = figuresOf(await acceptedTransactions(envelope, payloadSha256));
      const address = addresses.get(id) ?? null;
      const { verdict, score, contributions } = judged({ at, figures, keySince: key.createdAt, address });
      if (verdict !== ThreatVerdict.PASS) caught.push({ batchId: id, verdict, score, contributions });
    }
  }
  return { batches: rows.length, since: rows[0]?.acceptedAt ?? null, caught: caught.reverse() };
}

interface BatchRow {
  readonly no: string;
  readonly id: string;
  readonly kid: string;
  readonly itemCount: number;
  readonly acceptedAt: Date;
  readonly payloadSha256: Buffer;
}

/** The partner's own last batches, oldest first. */
async function lastBatches(app: App, { tenantNo, no }: Partner, last: number): Promise<BatchRow[]> {
  const rows: BatchRow[] = await app.database.query(
    `select no, id, kid, item_count as itemCount, accepted_at as acceptedAt, payload_sha256 as payloadSha256
     from batch where tenant_no = ? and partner_no = ? and issuer_no = ? order by no desc limit ?`,
    [tenantNo, no, no, last],
  );
  let items = 0;
  const taken = rows.filter(({ itemCount }, index) => {
    items += itemCount;
    return index === 0 || items <= ITEMS_MAX;
  });
  return taken.reverse();
}

/** From where batches came, as far as their acts still say so. */
async function addressesOf(
  app: App,
  { tenantNo }: Partner,
  batches: readonly BatchRow[],
): Promise<Map<string, string>> {
  const rows: { id: string; origin: string | null }[] = await app.database.query(
    `select subject_id as id, origin from act where tenant_no = ? and subject_id in (?) and type = 'BATCH_ACCEPTED'`,
    [tenantNo, batches.map(({ id }) => id)],
  );
  return new Map(
    rows.flatMap(({ id, origin }): [string, string][] => {
      const { address = null } = origin === null ? {} : JSON.parse(origin);
      return typeof address === "string" ? [[id, address]] : [];
    }),
  );
}
