import { assert } from "../kernel/assert.js";

/** Text that goes into a statement as it stands, in the place of a `?`. */
export interface SqlText {
  toSqlString(): string;
}

const CODE = /^[A-Za-z0-9._:-]*$/;
const HEX = /^[0-9a-f]*$/;

/**
 * Rows or keys as literals, joined by commas: for the multi-row statements of hot paths, where the driver would take
 * longer to write a row than we to decide on it. Only the functions below make the literals.
 */
export function literals(texts: readonly string[]): SqlText {
  return { toSqlString: () => texts.join(",") };
}

/** A row of literals and numbers. Joined at once: a text added up piece by piece costs three times as much. */
export function rowLiteral(values: readonly (string | number | bigint)[]): string {
  return `(${values.join(",")})`;
}

/** A code, such as an external id or a kind; null is NULL. Nothing that would need escaping is a code. */
export function codeLiteral(code: string | null): string {
  if (code === null) return "null";
  assert(CODE.test(code), "a code needs no escaping");
  return `'${code}'`;
}

/** Bytes that are given in hexadecimal; null is NULL. */
export function hexLiteral(hex: string | null): string {
  if (hex === null) return "null";
  assert(HEX.test(hex), "hexadecimal digits");
  return `x'${hex}'`;
}

/** An instant in UTC with milliseconds, which is what sessions are set to. */
export function instantLiteral(instant: Date): string {
  return `'${instant.toISOString().slice(0, -1)}'`;
}
