import { assert } from "../../kernel/assert.js";
import { sha256 } from "../../kernel/digest.js";
import type { PartnerNumbers } from "../../periods/cursors/service.js";
import type { App } from "../../platform/app.js";
import type { Reader } from "../../platform/database.js";
import type { Partner } from "../../tenancy/entities.js";
import { transactionsOf, unpackOutcomes } from "../contents/service.js";
import { BatchState, TransactionState } from "../entities.js";
import { packedPayload } from "../packing.js";
import { dedupeKey, ItemOutcome, type Outcome, refusedKey } from "../posting/rules.js";
import { type PseudonymOf, pseudonymsOf } from "../pseudonyms/service.js";
import { contentHash, type Item, type ItemResult, validateItems } from "../validate.js";

/** Batches that one page takes up. */
const BATCHES_MAX = 20;
const KEYS_MAX = 2_000;

/** What the stored evidence gives, and what the tables say instead. */
export interface Mismatch {
  readonly subject: string;
  readonly expected: string;
  readonly found: string;
}

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
       outcome.outcomes, outcome.outcomes_sha256, act.leaf_hash as act_leaf, batch.removed_at, batch.taken_count,
       batch.posted_at, removal.no as removal_act
     from batch
     left join batch_content as content on content.tenant_no = batch.tenant_no and content.batch_no = batch.no
     left join batch_outcome as outcome on outcome.tenant_no = batch.tenant_no and outcome.batch_no = batch.no
     left join act on act.tenant_no = batch.tenant_no and act.subject_id = batch.id and act.type = 'BATCH_ACCEPTED'
     left join act as removal
       on removal.tenant_no = batch.tenant_no and removal.subject_id = batch.id and removal.type = 'BATCH_REMOVED'
     where batch.tenant_no = ? and batch.partner_no = ? and batch.no > ? order by batch.no limit ?`,
    [partner.tenantNo, partner.no, after, BATCHES_MAX],
  );
  const last = rows.at(-1);
  if (last === undefined) return null;
  const pseudonymOf = await pseudonymsOf(app, reader, partner.tenantId); // anew, so that no page remembers all players
  const keySince = await keySinceOf(reader, partner.tenantId);
  let [items, transactions, removed, taken] = [0, 0, 0, 0];
  let mismatch: Mismatch | null = null;
  for (const row of rows) {
    items += row.item_count;
    if (row.removed_at === null) transactions += (row.posted_count ?? 0) + (row.pending_count ?? 0);
    else removed += 1;
    taken += row.taken_count ?? 0;
    mismatch ??= await mismatchOf(reader, partner, row, { pseudonymOf, keySince });
  }
  return { last: String(last.no), batches: rows.length, items, transactions, removed, taken, mismatch };
}

interface BatchRow {
  readonly no: string;
  readonly id: string;
  readonly issuer_no: number;
  readonly state: BatchState;
  readonly item_count: number;
  readonly payload_sha256: Buffer;
  readonly leaf_hash: Buffer;
  readonly posted_count: number | null;
  readonly duplicate_count: number | null;
  readonly pending_count: number | null;
  readonly refused_count: number | null;
  readonly envelope: Buffer | null;
  readonly outcomes: Buffer | null;
  readonly outcomes_sha256: Buffer | null;
  readonly act_leaf: Buffer | null;
  readonly posted_at: Date | null;
  readonly removed_at: Date | null;
  readonly taken_count: number | null;
  readonly removal_act: string | null;
}

/** How players are hashed, and since when: what was posted under a key that was erased cannot be hashed again. */
interface Hashing {
  readonly pseudonymOf: PseudonymOf;
  readonly keySince: Date | null;
}

/** Processes forget an erased key within a minute. */
const KEY_FORGOTTEN_MS = 120_000;

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
  const acceptance = mismatch(`${row.id} leaf`, hexOf(row.act_leaf), hexOf(row.leaf_hash));
  if (acceptance !== null) return acceptance;
  if (row.removed_at !== null) return removedMismatch(row);
  try {
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

/** What was removed is gone as a whole, an act says so, and the outcomes are still what they were. */
function removedMismatch(row: BatchRow): Mismatch | null {
  const left = mismatch(`${row.id} envelope`, "removed", row.envelope === null ? "removed" : "kept");
  const told = mismatch(`${row.id} removal`, "an act", row.removal_act === null ? "none" : "an act");
  const outcomes = left ?? told ?? readOutcomes(row);
  return Array.isArray(outcomes) ? null : outcomes;
}

function readEnvelope(row: BatchRow): ItemResult[] | Mismatch {
  assert(row.envelope !== null, "a batch has an envelope");
  const payload = packedPayload(row.envelope);
  const hash = hexOf(sha256(payload));
  const items = transactionsOf(payload);
  return (
    mismatch(`${row.id} payload`, hexOf(row.payload_sha256), hash) ??
    mismatch(`${row.id} items`, String(row.item_count), String(items.length)) ??
    validateItems(items, { isTenant: row.issuer_no === 0 })
  );
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

interface Decided {
  readonly row: BatchRow;
  readonly results: readonly ItemResult[];
  readonly outcomes: readonly Outcome[];
  readonly hashing: Hashing;
}

/**
 * The first item that was taken and has no transaction that says what it says. One that waited may have been refused
 * since, and then its id may be another's by now.
 */
async function missingTransaction(
  reader: Reader,
  partner: PartnerNumbers,
  { row, results, outcomes, hashing }: Decided,
): Promise<Mismatch | null> {
  const taken = results.flatMap((result, index) => {
    const outcome = outcomes[index]?.outcome;
    const isTaken = outcome === ItemOutcome.POSTED || outcome === ItemOutcome.PENDING_ORIGINAL;
    if (!isTaken) return [];
    assert(result.ok, "an item that was taken is in shape");
    const { tenantNo, no } = partner;
    const key = dedupeKey(tenantNo, no, result.item.id);
    const laterKey = refusedKey(tenantNo, no, String(row.no), index);
    return [{ item: result.item, keys: outcome === ItemOutcome.POSTED ? [key] : [key, laterKey], outcome }];
  });
  for (let start = 0; start < taken.length; start += KEYS_MAX) {
    const part = taken.slice(start, start + KEYS_MAX);
    const stored = await storedByKey(
      reader,
      partner,
      part.flatMap(({ keys }) => keys),
    );
    for (const { item, outcome, keys } of part) {
      const isForgotten = isUnderErasedKey(row, item, hashing);
      const expected = expectedText(row, item, isForgotten ? null : hashing.pseudonymOf);
      const found = keys.map((key) => shownOf(stored.get(key), isForgotten));
      if (!found.some((each, index) => each.text === expected && mayBe(each.state, outcome, index > 0))) {
        const shown = found.map(({ state, text }) => `${state ?? "nothing"} ${text}`).join("; ");
        return { subject: `${row.id} item ${item.index}`, expected, found: shown };
      }
    }
  }
  return null;
}

/** Whether an item with that outcome may be in that state; only what was refused gives its id up. */
function mayBe(state: TransactionState | null, outcome: ItemOutcome, hasGivenUp: boolean): boolean {
  if (hasGivenUp) return state === TransactionState.REFUSED;
  return outcome === ItemOutcome.PENDING_ORIGINAL || state === TransactionState.POSTED;
}

interface StoredTransaction {
  readonly state: TransactionState | null;
  readonly text: string;
}

const NOTHING: StoredTransaction = { state: null, text: "" };

async function storedByKey(
  reader: Reader,
  partner: PartnerNumbers,
  keys: readonly string[],
): Promise<Map<string, StoredTransaction>> {
  const rows: TransactionRow[] = await reader.query(
    `select dedupe, content_hash, external_id, kind, state, amount_minor, currency, occurred_at, batch_no, item
     from transaction where tenant_no = ? and partner_no = ? and dedupe in (?)`,
    [partner.tenantNo, partner.no, keys.map((key) => Buffer.from(key, "hex"))],
  );
  return new Map(
    rows.map((row) => {
      const { external_id, kind, amount_minor, currency, occurred_at, batch_no, item, content_hash } = row;
      const parts = [external_id, kind, amount_minor, currency, occurred_at.getTime(), batch_no, item];
      return [row.dedupe.toString("hex"), { state: row.state, text: [...parts, hexOf(content_hash)].join(" ") }];
    }),
  );
}

interface TransactionRow {
  readonly dedupe: Buffer;
  readonly content_hash: Buffer;
  readonly external_id: string;
  readonly kind: string;
  readonly state: TransactionState;
  readonly amount_minor: string;
  readonly currency: string;
  readonly occurred_at: Date;
  readonly batch_no: string;
  readonly item: number;
}

function isUnderErasedKey({ posted_at }: BatchRow, { player }: Item, { keySince }: Hashing): boolean {
  if (player === null || keySince === null || posted_at === null) return false;
  return posted_at.getTime() < keySince.getTime() + KEY_FORGOTTEN_MS;
}

/** Without the hash of the content where nobody can make it again. */
function shownOf(stored: StoredTransaction | undefined, isForgotten: boolean): StoredTransaction {
  if (stored === undefined) return NOTHING;
  return isForgotten ? { ...stored, text: stored.text.split(" ").slice(0, -1).join(" ") } : stored;
}

function expectedText(row: BatchRow, item: Item, pseudonymOf: PseudonymOf | null): string {
  const { id, kind, amountMinor, currency, occurredAt, index } = item;
  const parts = [id, kind, amountMinor, currency, occurredAt.getTime(), row.no, index];
  return [...parts, ...(pseudonymOf === null ? [] : [contentHash(item, pseudonymOf)])].join(" ");
}

function mismatch(subject: string, expected: string, found: string): Mismatch | null {
  return expected === found ? null : { subject, expected, found };
}

function hexOf(bytes: Buffer | null): string {
  return bytes?.toString("hex") ?? "none";
}
