import { BoundedMap } from "../../kernel/bounded-map.js";
import { newId } from "../../kernel/ids.js";
import type { App } from "../../platform/app.js";
import type { Reader } from "../../platform/database.js";
import { perApp } from "../../platform/per-app.js";
import type { Partner } from "../entities.js";

/** The noun of a dimension that transactions name by code. */
export type Dimension = "brand" | "product";

/**
 * Internal numbers of the brands or products a partner names, by code; one seen for the first time is written down.
 * Call it under the partner's posting cursor, which keeps two writers apart.
 */
export async function dimensionNumbers(
  app: App,
  reader: Pick<Reader, "query">,
  partner: Pick<Partner, "tenantNo" | "no">,
  dimension: Dimension,
  codes: ReadonlySet<string>,
): Promise<Map<string, number>> {
  const kept = keptNumbers(app);
  const keyOf = (code: string) => `${partner.tenantNo} ${partner.no} ${dimension} ${code}`;
  const remembered = new Map([...codes].flatMap((code) => numbered(code, kept.get(keyOf(code)))));
  if (remembered.size === codes.size) return remembered;
  const known = await knownNumbers(reader, partner, dimension, codes);
  // Only what others wrote down: what this transaction writes may yet be rolled back.
  for (const [code, no] of known) kept.set(keyOf(code), no);
  const unknown = [...codes].filter((code) => !known.has(code));
  if (unknown.length === 0) return known;
  const prefix = dimension === "brand" ? "brd" : "prt";
  await reader.query(`insert into ${dimension} (tenant_no, partner_no, id, code, name) values ?`, [
    unknown.map((code) => [partner.tenantNo, partner.no, newId(prefix, app.clock), code, code]),
  ]);
  return knownNumbers(reader, partner, dimension, codes);
}

const NUMBERS_KEPT_MAX = 100_000;
/** Numbers never change, so a process reads each once. */
const keptNumbers = perApp(() => new BoundedMap<string, number>(NUMBERS_KEPT_MAX));

function numbered(code: string, no: number | undefined): [string, number][] {
  return no === undefined ? [] : [[code, no]];
}

async function knownNumbers(
  reader: Pick<Reader, "query">,
  partner: Pick<Partner, "tenantNo" | "no">,
  dimension: Dimension,
  codes: ReadonlySet<string>,
): Promise<Map<string, number>> {
  if (codes.size === 0) return new Map();
  const rows: { code: string; no: number }[] = await reader.query(
    `select code, no from ${dimension} where tenant_no = ? and partner_no = ? and code in (?)`,
    [partner.tenantNo, partner.no, [...codes]],
  );
  return new Map(rows.map((row) => [row.code, row.no]));
}

/** Codes of a partner's brands, and codes and categories of its products, by internal number. */
export interface DimensionsByNumber {
  readonly brands: ReadonlyMap<number, string>;
  readonly products: ReadonlyMap<number, { readonly code: string; readonly category: string }>;
}

/** All brands and products of a partner, by number: what totals per dimension are read with. */
export async function dimensionsByNumber(
  reader: Reader,
  { tenantNo, no }: Pick<Partner, "tenantNo" | "no">,
): Promise<DimensionsByNumber> {
  const brands: { no: number; code: string }[] = await reader.query(
    "select no, code from brand where tenant_no = ? and partner_no = ?",
    [tenantNo, no],
  );
  const products: { no: number; code: string; category: string }[] = await reader.query(
    "select no, code, category from product where tenant_no = ? and partner_no = ?",
    [tenantNo, no],
  );
  return {
    brands: new Map(brands.map((brand) => [brand.no, brand.code])),
    products: new Map(products.map(({ no: number, ...product }) => [number, product])),
  };
}
