import { assert } from "../../kernel/assert.js";
import type { PartnerNumbers } from "../../periods/cursors/service.js";
import { TransactionKind } from "../../periods/entities.js";
import type { Reader } from "../../platform/database.js";
import { TransactionState } from "../entities.js";
import { hexOf, type Mismatch } from "../evidence/rules.js";
import { dedupeKey, ItemOutcome, type Outcome, refusedKey } from "../posting/rules.js";
import type { PseudonymOf } from "../pseudonyms/service.js";
import { contentHash, type Item, type ItemResult } from "../validate.js";

const KEYS_MAX = 2_000;
/** Processes forget an erased key within a minute. */
const KEY_FORGOTTEN_MS = 120_000;

/** How players are hashed, and since when: what was posted under a key that was erased cannot be hashed again. */
export interface Hashing {
  readonly pseudonymOf: PseudonymOf;
  readonly keySince: Date | null;
}

/** A batch, its items as they were signed, and what became of each. */
export interface Decided {
  readonly row: { readonly no: string; readonly id: string; readonly posted_at: Date | null };
  readonly results: readonly ItemResult[];
  readonly outcomes: readonly Outcome[];
  readonly hashing: Hashing;
}

/**
 * The first item that was taken and has no transaction that says what it says. One that waited may have been refused
 * since, and then its id may be another's by now.
 */
export async function missingTransaction(
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
    `select t.dedupe, t.content_hash, t.external_id, t.kind, t.state, t.amount_minor, t.currency, t.occurred_at,
       t.batch_no, t.item, t.round, t.reverses, t.player, brand.code as brand, product.code as product
     from transaction as t
     left join brand on brand.tenant_no = t.tenant_no and brand.no = t.brand_no
     left join product on product.tenant_no = t.tenant_no and product.no = t.product_no
     where t.tenant_no = ? and t.partner_no = ? and t.dedupe in (?)`,
    [partner.tenantNo, partner.no, keys.map((key) => Buffer.from(key, "hex"))],
  );
  return new Map(
    rows.map((row) => {
      const { external_id, kind, amount_minor, currency, occurred_at, batch_no, item, content_hash } = row;
      const parts = [external_id, kind, amount_minor, currency, occurred_at.getTime(), batch_no, item];
      const named = namedText(row);
      const text = [...parts, ...named, hexOf(row.player), hexOf(content_hash)].join(" ");
      return [row.dedupe.toString("hex"), { state: row.state, text }];
    }),
  );
}

interface TransactionRow {
  readonly dedupe: Buffer;
  readonly content_hash: Buffer;
  readonly external_id: string;
  readonly kind: TransactionKind;
  readonly state: TransactionState;
  readonly amount_minor: string;
  readonly currency: string;
  readonly occurred_at: Date;
  readonly batch_no: string;
  readonly item: number;
  readonly round: string | null;
  readonly reverses: string | null;
  readonly player: Buffer | null;
  readonly brand: string | null;
  readonly product: string | null;
}

function isUnderErasedKey({ posted_at }: Decided["row"], { player }: Item, { keySince }: Hashing): boolean {
  if (player === null || keySince === null || posted_at === null) return false;
  return posted_at.getTime() < keySince.getTime() + KEY_FORGOTTEN_MS;
}

/** Without the hashes of player and content where nobody can make them again. */
function shownOf(stored: StoredTransaction | undefined, isForgotten: boolean): StoredTransaction {
  if (stored === undefined) return NOTHING;
  return isForgotten ? { ...stored, text: stored.text.split(" ").slice(0, -2).join(" ") } : stored;
}

/** A rollback takes brand and product of its original, once that comes. */
function namedText({ kind, round, reverses, brand, product }: Named): string[] {
  const dimensions = kind === TransactionKind.ROLLBACK ? [] : [brand ?? "none", product ?? "none"];
  return [round ?? "none", reverses ?? "none", ...dimensions];
}

type Named = Pick<TransactionRow, "kind" | "round" | "reverses" | "brand" | "product">;

function expectedText(row: Decided["row"], item: Item, pseudonymOf: PseudonymOf | null): string {
  const { id, kind, amountMinor, currency, occurredAt, index, player } = item;
  const parts = [id, kind, amountMinor, currency, occurredAt.getTime(), row.no, index];
  const named = namedText(item);
  if (pseudonymOf === null) return [...parts, ...named].join(" ");
  const hashes = [player === null ? "none" : pseudonymOf(player), contentHash(item, pseudonymOf)];
  return [...parts, ...named, ...hashes].join(" ");
}
