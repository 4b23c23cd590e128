import { assert } from "../../kernel/assert.js";
import { sha256 } from "../../kernel/digest.js";
import type { PartnerNumbers } from "../../periods/cursors/service.js";
import type { App } from "../../platform/app.js";
import type { Reader } from "../../platform/database.js";
import type { Partner } from "../../tenancy/entities.js";
import { transactionsOf, unpackOutcomes } from "../contents/service.js";
import { BatchState } from "../entities.js";
import { isSignedWith, readJws, type SignedHeader } from "../jws.js";
import { unpackEnvelope } from "../packing.js";
import { ItemOutcome, type Outcome } from "../posting/rules.js";
import { pseudonymsOf } from "../pseudonyms/service.js";
import { unleft } from "../taken-ids/service.js";
import { type ToldRow, untold } from "../told/rules.js";
import { toldOf } from "../told/service.js";
import { type Hashing, missingTransaction } from "../transaction-evidence/service.js";
import { type ItemResult, validateItems } from "../validate.js";
import { hexOf, type Mismatch, mismatch } from "./rules.js";

/** Batches that one page takes up. */
const BATCHES_MAX = 20;
const BATCH_TYPE = "quittance-batch+jws";

/** A page of a partner's batches, each held against what it was made of. */
export interface CheckedBatches {
  /** The number of the last batch; the next page begins behind it. */
  readonly last: string;
  readonly batches: number;
  readonly items: number;
  /** Transactions that these batches brought: items posted, or waiting for their original. */
  readonly transactions: number;
  /** Batches that were removed, and the ids of theirs that stay as hashes. */
  readonly removed: number;
  readonly taken: number;
  readonly mismatch: Mismatch | null;
  /** Where rows and acts differ: in what a batch is and where it stands, and in what removals left. */
  readonly untold: Mismatch | null;
  readonly unleft: Mismatch | null;
  /** Ids of the periods that removed batches were posted into; null for removals that did not say. */
  readonly removedFrom: readonly (readonly string[] | null)[];
}

/**
 * Reads batches again from their envelopes: the payload's hash, the outcomes' hash and counts, and the transaction of
 * every item that was posted or waits. Answers the first mismatch of the page; null behind the last batch.
 */
export async function checkBatches(
  app: App,
  reader: Reader,
  partner: PartnerNumbers & Pick<Partner, "tenantId">,
  after: string,
): Promise<CheckedBatches | null> {
  const rows: BatchRow[] = await reader.query(
    `select batch.no, batch.id, batch.issuer_no, batch.state, batch.item_count, batch.payload_sha256, batch.leaf_hash,
       batch.posted_count, batch.duplicate_count, batch.pending_count, batch.refused_count, content.envelope,
       outcome.outcomes, outcome.outcomes_sha256, batch.removed_at, batch.taken_count, batch.posted_at, batch.jti,
       batch.jti_hash, batch.kid, batch.encryption_kid, batch.encrypted_sha256, batch.ledger_version,
       quarantine.decision, quarantine.batch_id is not null as is_judged, client_key.alg, client_key.public_jwk
     from batch
     left join client_key on client_key.tenant_id = ? and client_key.kid = batch.kid
     left join batch_content as content on content.tenant_no = batch.tenant_no and content.batch_no = batch.no
     left join batch_outcome as outcome on outcome.tenant_no = batch.tenant_no and outcome.batch_no = batch.no
     left join batch_quarantine as quarantine
       on quarantine.tenant_no = batch.tenant_no and quarantine.batch_id = batch.id
     where batch.tenant_no = ? and batch.partner_no = ? and batch.no > ? order by batch.no limit ?`,
    [partner.tenantId, partner.tenantNo, partner.no, after, BATCHES_MAX],
  );
  const last = rows.at(-1);
  if (last === undefined) return null;
  const pseudonymOf = await pseudonymsOf(app, reader, partner.tenantId); // anew, so that no page remembers all players
  const keySince = await keySinceOf(reader, partner.tenantId);
  let [items, transactions, removed, taken] = [0, 0, 0, 0];
  let found: Pick<CheckedBatches, "mismatch" | "untold" | "unleft"> = { mismatch: null, untold: null, unleft: null };
  const removedFrom: (readonly string[] | null)[] = [];
  const told = await toldOf(
    reader,
    partner.tenantNo,
    rows.map(({ id }) => id),
  );
  for (const row of rows) {
    items += row.item_count;
    if (row.removed_at === null) transactions += (row.posted_count ?? 0) + (row.pending_count ?? 0);
    else {
      removed += 1;
      removedFrom.push(told(row.id).removed?.periods ?? null);
    }
    taken += row.taken_count ?? 0;
    found = {
      mismatch: found.mismatch ?? (await mismatchOf(reader, partner, row, { pseudonymOf, keySince })),
      untold: found.untold ?? untold(partner.tenantNo, row, told(row.id)),
      unleft: found.unleft ?? (row.removed_at === null ? null : await unleft(reader, partner, row, told(row.id))),
    };
  }
  return { last: String(last.no), batches: rows.length, items, transactions, removed, taken, ...found, removedFrom };
}

interface BatchRow extends ToldRow {
  readonly no: string;
  readonly issuer_no: number;
  readonly envelope: Buffer | null;
  readonly outcomes: Buffer | null;
  readonly posted_at: Date | null;
  readonly taken_count: number | null;
  /** Of the key that signed it. */
  readonly alg: string | null;
  readonly public_jwk: string | null;
}

async function keySinceOf(reader: Reader, tenantId: string): Promise<Date | null> {
  const [tenant]: { since: Date | null }[] = await reader.query(
    "select player_key_since as since from tenant where id = ?",
    [tenantId],
  );
  return tenant?.since ?? null;
}

async function mismatchOf(
  reader: Reader,
  partner: PartnerNumbers,
  row: BatchRow,
  hashing: Hashing,
): Promise<Mismatch | null> {
  try {
    if (row.removed_at !== null) return removedMismatch(row);
    const results = readEnvelope(row);
    if (!Array.isArray(results)) return results;
    if (row.state !== BatchState.POSTED) return mismatch(`${row.id} outcomes`, "none", hexOf(row.outcomes_sha256));
    const outcomes = readOutcomes(row);
    if (!Array.isArray(outcomes)) return outcomes;
    return await missingTransaction(reader, partner, { row, results, outcomes, hashing });
  } catch (error) {
    const found = `unreadable (${error instanceof Error ? error.name : "unknown"})`;
    return { subject: row.id, expected: "a readable envelope and outcomes", found };
  }
}

/** What was removed is gone as a whole, and the outcomes of what was posted are still what they were. */
function removedMismatch(row: BatchRow): Mismatch | null {
  const left = mismatch(`${row.id} envelope`, "removed", row.envelope === null ? "removed" : "kept");
  if (row.state !== BatchState.POSTED)
    return left ?? mismatch(`${row.id} outcomes`, "none", hexOf(row.outcomes_sha256));
  const outcomes = left ?? readOutcomes(row);
  return Array.isArray(outcomes) ? null : outcomes;
}

function readEnvelope(row: BatchRow): ItemResult[] | Mismatch {
  assert(row.envelope !== null, "a batch has an envelope");
  const jws = unpackEnvelope(row.envelope);
  const { header, payload } = readJws(jws, BATCH_TYPE);
  const hash = hexOf(sha256(payload));
  const items = transactionsOf(payload);
  return (
    mismatch(`${row.id} payload`, hexOf(row.payload_sha256), hash) ??
    mismatch(`${row.id} signature`, `that of ${row.kid}`, signerOf(jws, header, row)) ??
    mismatch(`${row.id} items`, String(row.item_count), String(items.length)) ??
    validateItems(items, { isTenant: row.issuer_no === 0 })
  );
}

/** Whose signature it is, whatever became of the key since. */
function signerOf(jws: string, header: SignedHeader, { kid, alg, public_jwk: publicJwk }: BatchRow): string {
  if (header.kid !== kid || alg === null || publicJwk === null) return `that of ${header.kid}`;
  return isSignedWith(jws, header, { kid, alg, publicJwk }) ? `that of ${kid}` : "none of its";
}

function readOutcomes(row: BatchRow): Outcome[] | Mismatch {
  assert(row.outcomes !== null, "a posted batch has outcomes");
  const stored = unpackOutcomes(row.outcomes);
  const { posted_count, duplicate_count, pending_count, refused_count } = row;
  const { POSTED, DUPLICATE, DUPLICATE_MISMATCH, PENDING_ORIGINAL, REFUSED } = ItemOutcome;
  const count = (...kinds: ItemOutcome[]) => stored.outcomes.filter(({ outcome }) => kinds.includes(outcome)).length;
  const counts = [count(POSTED), count(DUPLICATE, DUPLICATE_MISMATCH), count(PENDING_ORIGINAL), count(REFUSED)];
  return (
    mismatch(`${row.id} outcomes`, hexOf(row.outcomes_sha256), hexOf(stored.sha256)) ??
    mismatch(`${row.id} outcomes`, String(row.item_count), String(stored.outcomes.length)) ??
    mismatch(
      `${row.id} posted, duplicate, pending, refused`,
      counts.join(", "),
      [posted_count, duplicate_count, pending_count, refused_count].join(", "),
    ) ??
    stored.outcomes
  );
}
