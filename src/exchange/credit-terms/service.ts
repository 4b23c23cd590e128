import { present } from "../../kernel/assert.js";
import { Rational } from "../../kernel/rational.js";
import type { PartnerNumbers } from "../../periods/cursors/service.js";
import type { Reader, TxSql } from "../../platform/database.js";
import type { DrawAt, WhenExhausted } from "../credit/entities.js";
import type { CreditTerms } from "../credit/rules.js";

export type { CreditTerms } from "../credit/rules.js";

/** Terms by configuration and currency, as posting looks for them. */
export type TermsOf = (configurationId: string, currency: string) => CreditTerms | null;

/** Writes down what a configuration says of credit, a row for each currency; once, when it is put in force. */
export async function saveCreditTerms(
  tx: TxSql,
  { tenantNo }: { readonly tenantNo: number },
  configurationId: string,
  terms: ReadonlyMap<string, CreditTerms>,
): Promise<void> {
  if (terms.size === 0) return;
  const rows = [...terms].map(([currency, { drawAt, whenExhausted, creditLimitMinor, lowWater }]) => [
    ...[tenantNo, configurationId, currency, drawAt, whenExhausted, creditLimitMinor, lowWater?.toText() ?? null],
  ]);
  await tx.query(
    `insert into credit_terms (tenant_no, configuration_id, currency, draw_at, when_exhausted, credit_limit_minor,
       low_water) values ?`,
    [rows],
  );
}

/** The currencies in which a partner ever bought credit. */
export async function creditCurrencies(tx: TxSql, { tenantNo, no }: PartnerNumbers): Promise<readonly string[]> {
  const rows: { currency: string }[] = await tx.query(
    "select distinct currency from credit_lot where tenant_no = ? and partner_no = ?",
    [tenantNo, no],
  );
  return rows.map(({ currency }) => currency);
}

/** What configurations say of credit. */
export async function creditTermsOf(
  reader: Reader | TxSql,
  tenantNo: number,
  configurationIds: readonly string[],
): Promise<TermsOf> {
  const rows: TermsRow[] =
    configurationIds.length === 0
      ? []
      : await reader.query(
          `select configuration_id, currency, draw_at, when_exhausted, credit_limit_minor, low_water from credit_terms
           where tenant_no = ? and configuration_id in (?)`,
          [tenantNo, configurationIds],
        );
  const byKey = new Map(
    rows.map((row) => [
      `${row.configuration_id} ${row.currency}`,
      {
        ...{ drawAt: row.draw_at, whenExhausted: row.when_exhausted, creditLimitMinor: BigInt(row.credit_limit_minor) },
        lowWater: row.low_water === null ? null : present(Rational.parse(row.low_water), "a rate that was checked"),
      },
    ]),
  );
  return (configurationId, currency) => byKey.get(`${configurationId} ${currency}`) ?? null;
}

interface TermsRow {
  readonly configuration_id: string;
  readonly currency: string;
  readonly draw_at: DrawAt;
  readonly when_exhausted: WhenExhausted;
  readonly credit_limit_minor: string;
  readonly low_water: string | null;
}
