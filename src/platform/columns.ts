import type { ColumnOptions, ValueTransformer } from "typeorm";

/** DECIMAL(38,0) and BIGINT come as text and are `bigint` in code; money is never a float. */
export const bigintText: ValueTransformer = {
  from: (text: string | number | null) => (text === null ? null : BigInt(text)),
  to: (value: bigint | null | undefined) => (typeof value === "bigint" ? value.toString() : value),
};

const ascii = { charset: "ascii", collation: "ascii_bin" } as const;

/** A whole TypeID. */
export const idColumn = {
  type: "char",
  length: 30,
  ...ascii,
} as const satisfies ColumnOptions;
/** What partners name: ids, codes, rounds; 1–64 of `[A-Za-z0-9._:-]`, compared byte by byte. */
export const codeColumn = {
  type: "varchar",
  length: 64,
  ...ascii,
} as const satisfies ColumnOptions;
/** A short word of ours: an enum's value, an algorithm, a currency. */
export const wordColumn = {
  type: "varchar",
  length: 32,
  ...ascii,
} as const satisfies ColumnOptions;
/** A name for people. */
export const nameColumn = {
  type: "varchar",
  length: 200,
  collation: "utf8mb4_unicode_ci",
} as const satisfies ColumnOptions;
/** A text of any length: documents, envelopes' parts, acts. */
export const textColumn = {
  type: "mediumtext",
} as const satisfies ColumnOptions;
/** Internal number of a tenant, partner, brand, product or period. */
export const numberColumn = {
  type: "int",
  unsigned: true,
} as const satisfies ColumnOptions;
/** Minor units of one transaction. */
export const minorColumn = {
  type: "bigint",
  transformer: bigintText,
} as const satisfies ColumnOptions;
/** A sum of minor units or of units. */
export const totalColumn = {
  type: "decimal",
  precision: 38,
  scale: 0,
  transformer: bigintText,
} as const satisfies ColumnOptions;
/** A number that only grows: sequences, versions, epochs. */
export const counterColumn = {
  type: "bigint",
  unsigned: true,
  transformer: bigintText,
} as const satisfies ColumnOptions;
/** An instant in UTC, to the millisecond. */
export const instantColumn = {
  type: "datetime",
  precision: 3,
} as const satisfies ColumnOptions;
/** SHA-256. */
export const sha256Column = {
  type: "binary",
  length: 32,
} as const satisfies ColumnOptions;
/** The first 16 bytes of a hash. */
export const hash16Column = {
  type: "binary",
  length: 16,
} as const satisfies ColumnOptions;
