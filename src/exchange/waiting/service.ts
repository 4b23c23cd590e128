import { present } from "../../kernel/assert.js";
import { asError } from "../../kernel/errors.js";
import { groupBy } from "../../kernel/group.js";
import type { App } from "../../platform/app.js";
import { coalescedPerTenant } from "../../platform/coalesce.js";
import type { Reader, TxSql } from "../../platform/database.js";
import { takingTurns } from "../../platform/turns.js";
import type { Partner } from "../../tenancy/entities.js";
import { acceptedTransactions, envelopesOf } from "../contents/service.js";
import type { BatchMode } from "../entities.js";
import { type BatchToPost, dedupeKey, type HashedItem } from "../posting/rules.js";
import type { PseudonymOf } from "../pseudonyms/service.js";
import { contentHash, type ItemResult, validateItems } from "../validate.js";

/**
 * The most that one posting transaction takes, payloads in bytes; a single batch is always taken. Twice as much saves
 * nothing and makes others wait.
 */
export const GROUP_LIMITS = { batchesMax: 200, itemsMax: 10_000, bytesMax: 32 * 1024 * 1024 } as const;
/** Items that are checked and hashed at a stretch, some five milliseconds. */
const SLICE_ITEMS = 500;

/** A batch that waits, its items checked for shape. */
export interface WaitingBatch extends BatchToPost {
  readonly id: string;
  readonly itemCount: number;
  readonly payloadSha256: Buffer;
  /** How often it was tried while it was suspect. */
  readonly tries: number;
  /** Why what is stored of it cannot be read; null where it can. */
  readonly fault: Error | null;
  /** How long checking its items took. */
  readonly checkedMs: number;
}

/** How many batches, accepted by an instant, still wait for a partner's posting. */
export async function countWaiting(reader: Reader, partner: Partner, acceptedBy: Date): Promise<number> {
  const [{ waiting }] = await reader.query(
    `select count(*) as waiting from batch
     where state = 'ACCEPTED' and tenant_no = ? and partner_no = ? and accepted_at <= ?`,
    [partner.tenantNo, partner.no, acceptedBy],
  );
  return Number(waiting);
}

/** The oldest batches that wait for a partner, not read yet. */
export interface FoundBatches {
  readonly rows: readonly WaitingRow[];
  readonly items: number;
  /** Whether no others wait. */
  readonly isAll: boolean;
}

/** Finds the oldest batches that wait; partners of a tenant that look at the same time share a round trip. */
export async function findWaiting(app: App, { tenantNo, no }: Partner): Promise<FoundBatches> {
  const found = await oldestRows(app, tenantNo, no);
  let [items, bytes] = [0, 0];
  const rows = found.filter((row, index) => {
    items += row.item_count;
    bytes += row.payload_bytes;
    return index === 0 || (items <= GROUP_LIMITS.itemsMax && bytes <= GROUP_LIMITS.bytesMax);
  });
  const isAll = rows.length === found.length && found.length < GROUP_LIMITS.batchesMax;
  return { rows, items: rows.reduce((sum, { item_count: count }) => sum + count, 0), isAll };
}

/** Reads, parses and hashes them, before the lock so that it is held briefly. */
export async function readWaiting(
  app: App,
  partner: Partner,
  { rows }: FoundBatches,
  pseudonymOf: PseudonymOf,
): Promise<WaitingBatch[]> {
  if (rows.length === 0) return [];
  const envelopes = await envelopesOfRows(app, partner.tenantNo, rows);
  const turn = takingTurns();
  const batches: WaitingBatch[] = [];
  for (const row of rows) {
    batches.push(await waitingBatch(partner, row, { envelope: envelopes.get(String(row.no)), pseudonymOf, turn }));
  }
  return batches;
}

const oldestRows = coalescedPerTenant(oldestRowsTogether, { inputsMax: 50, atOnce: 2 });
const envelopesOfRows = coalescedPerTenant(envelopesTogether, {
  ...{ inputsMax: 50, atOnce: 8, weightMax: 1024 * 1024 },
  weightOf: (rows) => rows.reduce((sum, { payload_bytes: bytes }) => sum + bytes, 0),
});

async function oldestRowsTogether(app: App, tenantNo: number, partnerNos: readonly number[]): Promise<WaitingRow[][]> {
  const each = `(select no, partner_no, id, mode, item_count, payload_bytes, payload_sha256, accepted_at, issuer_no,
    tries from batch where state = 'ACCEPTED' and tenant_no = ? and partner_no = ? order by no limit ?)`;
  const apart = [...new Set(partnerNos)];
  const rows: WaitingRow[] = await app.database.query(
    apart.map(() => each).join(" union all "),
    apart.flatMap((partnerNo) => [tenantNo, partnerNo, GROUP_LIMITS.batchesMax]),
  );
  rows.sort((a, b) => Number(a.no) - Number(b.no)); // of a union no order is promised
  const byPartner = groupBy(rows, ({ partner_no: partnerNo }) => partnerNo);
  return partnerNos.map((partnerNo) => byPartner.get(partnerNo) ?? []);
}

async function envelopesTogether(app: App, tenantNo: number, groups: readonly (readonly WaitingRow[])[]) {
  const numbers = groups.flat().map(({ no }) => String(no));
  const envelopes = await envelopesOf(app.database.manager, tenantNo, numbers);
  return groups.map(() => envelopes);
}

interface Contents {
  readonly envelope: Buffer | undefined;
  readonly pseudonymOf: PseudonymOf;
  /** Lets others have a turn, now and then. */
  readonly turn: () => Promise<void>;
}

/** A batch that cannot be read says so when it is posted, so that it is parked and the others are not held up. */
async function waitingBatch(partner: Partner, row: WaitingRow, contents: Contents): Promise<WaitingBatch> {
  const { id, mode, item_count: itemCount, accepted_at: acceptedAt, tries } = row;
  const isTenants = row.issuer_no === 0;
  const payloadSha256 = row.payload_sha256;
  const batch = { no: String(row.no), id, mode, itemCount, payloadSha256, acceptedAt, isTenants, tries };
  try {
    await contents.turn();
    const envelope = present(contents.envelope, "the envelope of a batch");
    const transactions = await acceptedTransactions(envelope, payloadSha256);
    const started = performance.now();
    const items = await hashedItems(partner, transactions, { isTenants, ...contents });
    return { items, fault: null, checkedMs: performance.now() - started, ...batch };
  } catch (error) {
    return { ...batch, items: [], fault: asError(error), checkedMs: 0 };
  }
}

interface Signed extends Contents {
  readonly isTenants: boolean;
}

async function hashedItems(partner: Partner, transactions: readonly unknown[], signed: Signed): Promise<HashedItem[]> {
  const items: HashedItem[] = [];
  for (let from = 0; from < transactions.length; from += SLICE_ITEMS) {
    await signed.turn();
    const results = validateItems(transactions, { isTenant: signed.isTenants }, { from, to: from + SLICE_ITEMS });
    for (const result of results) items.push(hashedItem(partner, result, signed.pseudonymOf));
  }
  return items;
}

function hashedItem(partner: Partner, result: ItemResult, pseudonymOf: PseudonymOf): HashedItem {
  if (!result.ok) return result;
  const { item } = result;
  const keyOf = (externalId: string) => dedupeKey(partner.tenantNo, partner.no, externalId);
  return {
    ok: true,
    item,
    dedupe: keyOf(item.id),
    contentHash: contentHash(item, pseudonymOf),
    reverses: item.reverses === null ? null : keyOf(item.reverses),
    player: item.player === null ? null : pseudonymOf(item.player),
  };
}

/** What of a waiting batch is read first. */
interface WaitingRow {
  readonly no: string;
  readonly partner_no: number;
  readonly id: string;
  readonly mode: BatchMode;
  readonly item_count: number;
  readonly payload_bytes: number;
  readonly payload_sha256: Buffer;
  readonly accepted_at: Date;
  readonly issuer_no: number;
  readonly tries: number;
}

/**
 * Which of them still wait, locked, so that nobody parks what is being posted: up to the first that another transaction
 * holds, since what came after it is posted after it. Null when that is the first.
 */
export async function stillWaiting(
  tx: TxSql,
  partner: Partner,
  candidates: readonly WaitingBatch[],
): Promise<WaitingBatch[] | null> {
  const numbers = candidates.map((batch) => batch.no);
  const locked = await waitingAmong(tx, partner, numbers, "for update skip locked");
  if (locked.size === candidates.length) return [...candidates];
  const held = await waitingAmong(tx, partner, numbers, "");
  for (const no of locked) held.delete(no);
  const first = candidates.findIndex((batch) => held.has(batch.no));
  const free = (first === -1 ? candidates : candidates.slice(0, first)).filter((batch) => locked.has(batch.no));
  return first !== -1 && free.length === 0 ? null : free;
}

async function waitingAmong(tx: TxSql, partner: Partner, numbers: readonly string[], lock: string) {
  const rows: { no: string }[] = await tx.query(
    `select no from batch where tenant_no = ? and partner_no = ? and state = 'ACCEPTED' and no in (?) ${lock}`,
    [partner.tenantNo, partner.no, numbers],
  );
  return new Set(rows.map((row) => String(row.no)));
}
