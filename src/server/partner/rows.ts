import { AmountFault, isKnownCurrency, parseAmount, scaleOf } from "../../kernel/money.js";
import { TransactionKind } from "../../periods/entities.js";
import { CsvFault, type CsvRecord } from "./csv.js";

/** A row of a file as an item of a batch, with what control totals need of it. */
export interface Row {
  readonly line: number;
  readonly kind: TransactionKind;
  readonly currency: string;
  /** In minor units of its currency. */
  readonly amountMinor: bigint;
  /** JSON text of the item, as it stands in the payload. */
  readonly json: string;
}

/** Reads records by a header. */
export type RowReader = (record: CsvRecord) => Row;

type Member = string | number | boolean;
/** What a cell says in JSON, or what it must be. */
type Reading = { readonly value: Member } | { readonly fault: string };

interface Column {
  /** How the header may name it. */
  readonly names: readonly string[];
  /** The member of the item (schema/batch.schema.json). */
  readonly member: string;
  readonly read: (cell: string) => Reading;
}

const CODE = /^[A-Za-z0-9._:-]{1,64}$/;
const INSTANT = /^[1-9]\d{3}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{3})?Z$/;
const WHOLE = /^(?:0|[1-9]\d{0,14})$/;
const MEMBER_REASON = "must be 1 to 64 of A-Z a-z 0-9 . _ : -";
const AMOUNT_REASONS: Readonly<Record<AmountFault, string>> = {
  [AmountFault.MALFORMED]: "must be a plain decimal",
  [AmountFault.NEGATIVE]: "must not be negative",
  [AmountFault.TOO_MANY_DECIMALS]: "has more decimals than the currency",
  [AmountFault.TOO_LARGE]: "is too large",
};

/** The columns that there may be; the batch's format has a member for each. */
const COLUMNS: readonly Column[] = [
  { names: ["transactionId", "id"], member: "id", read: codeIn },
  { names: ["kind"], member: "kind", read: (cell) => (isKind(cell) ? { value: cell } : { fault: "is no kind" }) },
  { names: ["product"], member: "product", read: codeIn },
  { names: ["brand"], member: "brand", read: codeIn },
  { names: ["roundId", "round"], member: "round", read: codeIn },
  { names: ["player"], member: "player", read: codeIn },
  { names: ["amount"], member: "amount", read: textIn },
  { names: ["currency"], member: "currency", read: textIn },
  { names: ["occurredAt"], member: "occurredAt", read: instantIn },
  { names: ["reverses"], member: "reverses", read: codeIn },
  { names: ["category"], member: "category", read: textIn },
  { names: ["units"], member: "units", read: wholeIn },
  { names: ["cost"], member: "cost", read: textIn },
  { names: ["lot"], member: "lot", read: codeIn },
  { names: ["priority"], member: "priority", read: wholeIn },
  { names: ["expiresAt"], member: "expiresAt", read: instantIn },
  { names: ["pool"], member: "pool", read: codeIn },
  { names: ["freeRound"], member: "freeRound", read: flagIn },
  { names: ["roundClosed"], member: "roundClosed", read: flagIn },
];
const REQUIRED = ["id", "kind", "currency", "occurredAt"];

/** The names that a header may hold, the usual spelling of each. */
const COLUMN_NAMES: readonly string[] = COLUMNS.map(({ names: [name = ""] }) => name);

/**
 * A reader of the rows below a header, which names the columns in any order. Throws `CsvFault` for a column that is
 * unknown, named twice or missing; the reader does for a row that the batch's format could never hold.
 */
export function rowReader(header: CsvRecord): RowReader {
  const columns = header.fields.map((name) => columnNamed(name.trim(), header.line));
  const members = columns.map(({ member }) => member);
  const twice = members.find((member, index) => members.indexOf(member) !== index);
  if (twice !== undefined) throw new CsvFault(header.line, `two columns are ${twice}.`);
  const missing = REQUIRED.find((member) => !members.includes(member));
  if (missing !== undefined) throw new CsvFault(header.line, `the column ${nameOf(missing)} is missing.`);
  return (record) => readRow(columns, record);
}

function columnNamed(name: string, line: number): Column {
  const column = COLUMNS.find(({ names }) => names.includes(name));
  if (column !== undefined) return column;
  throw new CsvFault(line, `"${name.slice(0, 64)}" is no column; there are ${COLUMN_NAMES.join(", ")}.`);
}

function nameOf(member: string): string {
  return COLUMNS.find((column) => column.member === member)?.names[0] ?? member;
}

function readRow(columns: readonly Column[], { line, fields }: CsvRecord): Row {
  if (fields.length !== columns.length) {
    throw new CsvFault(line, `it has ${fields.length} fields, the header has ${columns.length}.`);
  }
  const item: Record<string, Member> = {};
  columns.forEach(({ member, names, read }, index) => {
    const cell = fields[index] ?? "";
    if (cell === "") return; // a cell that is empty says nothing
    const reading = read(cell);
    if ("fault" in reading) throw new CsvFault(line, `${names[0] ?? member} ${reading.fault}.`);
    item[member] = reading.value;
  });
  const missing = REQUIRED.find((member) => item[member] === undefined);
  if (missing !== undefined) throw new CsvFault(line, `${nameOf(missing)} is missing.`);
  const [kind, currency] = [item["kind"], String(item["currency"])];
  if (!isKind(kind)) throw new CsvFault(line, "kind is no kind.");
  if (!isKnownCurrency(currency)) throw new CsvFault(line, "currency is not known.");
  const amountMinor = amountIn(item["amount"], kind, currency, line);
  return { line, kind, currency, amountMinor, json: JSON.stringify(item) };
}

function amountIn(amount: Member | undefined, kind: TransactionKind, currency: string, line: number): bigint {
  if (amount === undefined && kind === TransactionKind.ACQUISITION) return 0n;
  if (amount === undefined) throw new CsvFault(line, "amount is missing.");
  const minor = parseAmount(String(amount), scaleOf(currency), { signed: kind === TransactionKind.ADJUSTMENT });
  if (typeof minor !== "bigint") throw new CsvFault(line, `amount ${AMOUNT_REASONS[minor]}.`);
  return minor;
}

function textIn(cell: string): Reading {
  return { value: cell };
}

function codeIn(cell: string): Reading {
  return CODE.test(cell) ? { value: cell } : { fault: MEMBER_REASON };
}

function instantIn(cell: string): Reading {
  const isInstant = INSTANT.test(cell) && !Number.isNaN(new Date(cell).getTime());
  return isInstant ? { value: cell } : { fault: "must be RFC 3339 in UTC, e.g. 2021-10-31T15:38:43.000Z" };
}

function wholeIn(cell: string): Reading {
  return WHOLE.test(cell) ? { value: Number(cell) } : { fault: "must be a whole number" };
}

function flagIn(cell: string): Reading {
  return cell === "true" || cell === "false" ? { value: cell === "true" } : { fault: "must be true or false" };
}

function isKind(value: unknown): value is TransactionKind {
  return typeof value === "string" && Object.hasOwn(TransactionKind, value);
}
