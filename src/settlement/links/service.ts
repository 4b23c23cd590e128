import { sha256Hex } from "../../kernel/digest.js";
import { scaleOf } from "../../kernel/money.js";
import type { PartnerNumbers } from "../../periods/cursors/service.js";
import type { Reader } from "../../platform/database.js";
import { closingStateOf } from "../statement-document.js";
import type { State } from "../terms/state.js";

/** What the statement before left in one currency. */
export interface Link {
  readonly id: string;
  readonly currency: string;
  readonly closingMinor: bigint;
  readonly state: State;
  /** Of its compact JWS, in hexadecimal. */
  readonly sha256: string;
}

/** The last statement of each currency; of those of periods that end by an instant where one is given. */
export async function linksOf(
  reader: Reader,
  { tenantNo, no: partnerNo }: PartnerNumbers,
  endsBy: Date | null = null,
): Promise<Link[]> {
  const rows: { id: string; currency: string; closing: string; jws: string }[] = await reader.query(
    `select statement.id, statement.currency, statement.closing_minor as closing, statement.jws
     from statement join (
       select currency, max(ends_at) as ends_at from statement
       where tenant_no = ? and partner_no = ? and (? is null or ends_at <= ?) group by currency
     ) as last on last.currency = statement.currency and last.ends_at = statement.ends_at
     where statement.tenant_no = ? and statement.partner_no = ?`,
    [tenantNo, partnerNo, endsBy, endsBy, tenantNo, partnerNo],
  );
  return rows.map(({ id, currency, closing, jws }) => {
    const state = closingStateOf(jws, scaleOf(currency));
    return { id, currency, closingMinor: BigInt(closing), state, sha256: sha256Hex(jws) };
  });
}

/** What the last statement in a currency left by an instant; null where there was none. */
export async function linkBefore(
  reader: Reader,
  partner: PartnerNumbers,
  { currency, endsBy }: { readonly currency: string; readonly endsBy: Date },
): Promise<Link | null> {
  return (await linksOf(reader, partner, endsBy)).find((link) => link.currency === currency) ?? null;
}
