import { hash16Hex } from "../kernel/digest.js";
import { ErrorCode } from "../kernel/errors.js";
import { AmountFault, isKnownCurrency, parseAmount, scaleOf } from "../kernel/money.js";
import { TransactionKind } from "../periods/entities.js";
import { CODE_PATTERN, KIND_SHAPES } from "./kinds.js";

/**
 * One transaction of a batch in our own types; what it does not carry is null, or false. Amounts are in minor units of
 * its currency.
 */
export interface Item {
  /** Its place in the batch, from 0. */
  readonly index: number;
  readonly id: string;
  readonly kind: TransactionKind;
  readonly product: string | null;
  readonly brand: string | null;
  readonly round: string | null;
  readonly player: string | null;
  /** 0 for an ACQUISITION; negative only for an ADJUSTMENT. */
  readonly amountMinor: bigint;
  readonly currency: string;
  readonly occurredAt: Date;
  /** The id of what a ROLLBACK reverses; null for every other kind. */
  readonly reverses: string | null;
  readonly category: string | null;
  readonly units: bigint | null;
  /** What was paid for credit. */
  readonly costMinor: bigint | null;
  readonly lot: string | null;
  readonly priority: number | null;
  readonly expiresAt: Date | null;
  readonly pool: string | null;
  readonly freeRound: boolean;
  readonly roundClosed: boolean;
}

/** Why an item is refused: `path` is a JSON pointer into the payload; `id` is null when it has none that is usable. */
export interface ItemRefusal {
  readonly ok: false;
  readonly id: string | null;
  readonly code: ErrorCode;
  readonly path: string;
  readonly message: string;
}

/** An item that is in shape, or its refusal. */
export type ItemResult = { readonly ok: true; readonly item: Item } | ItemRefusal;

/** Who signed: some kinds are the tenant's alone. */
export interface Signer {
  readonly isTenant: boolean;
}

/**
 * Checks the shape of every transaction and answers in input order; the same input always gets the same answer. An item
 * with several faults gets the first of: not an object, kind (`VALIDATION`, `KIND_NOT_ALLOWED`), unknown members, then
 * the members in the order of `Item` with currency (`VALIDATION`, `CURRENCY_UNKNOWN`) before amounts. A slice of a
 * batch is answered as in the whole.
 */
export function validateItems(transactions: readonly unknown[], signer: Signer, slice = ALL): ItemResult[] {
  const { from, to } = slice;
  return transactions.slice(from, to).map((transaction, index) => validateItem(transaction, from + index, signer));
}

/** Which of a batch's transactions are meant, by their places: up to the second, which is not. */
const ALL = { from: 0, to: Number.POSITIVE_INFINITY };

/**
 * First 16 bytes of SHA-256 over what an item says, each member with its name and length, in hexadecimal: equal exactly
 * when two items are equal after parsing (1.0 and 1.00 are). Members that are absent add nothing, so that new ones
 * leave old hashes as they are. A player counts by the pseudonym, so that the hash confirms no guess once the tenant's
 * key is erased.
 */
export function contentHash(item: Item, pseudonymOf: (player: string) => string): string {
  let text = `${part("id", item.id)}${part("kind", item.kind)}${part("amount", String(item.amountMinor))}`;
  text += part("currency", item.currency) + part("occurredAt", String(item.occurredAt.getTime()));
  if (item.product !== null) text += part("product", item.product);
  if (item.brand !== null) text += part("brand", item.brand);
  if (item.round !== null) text += part("round", item.round);
  if (item.player !== null) text += part("player", pseudonymOf(item.player));
  if (item.reverses !== null) text += part("reverses", item.reverses);
  if (item.category !== null) text += part("category", item.category);
  if (item.units !== null) text += part("units", String(item.units));
  if (item.costMinor !== null) text += part("cost", String(item.costMinor));
  if (item.lot !== null) text += part("lot", item.lot);
  if (item.priority !== null) text += part("priority", String(item.priority));
  if (item.expiresAt !== null) text += part("expiresAt", String(item.expiresAt.getTime()));
  if (item.pool !== null) text += part("pool", item.pool);
  if (item.freeRound) text += part("freeRound", "1");
  if (item.roundClosed) text += part("roundClosed", "1");
  return hash16Hex(text);
}

const UNITS_MAX = 1_000_000_000_000;
const PRIORITY_MAX = 9_999;
const CATEGORIES: ReadonlySet<string> = new Set(["PAYMENT", "PLATFORM", "PROVIDER", "TAX", "OTHER"]);
const CURRENCY = /^[A-Z][A-Z0-9]{2,11}$/;
const INSTANT = /^[1-9]\d{3}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{3})?Z$/;
const MEMBER = /^[A-Za-z0-9_.-]{1,32}$/;

const AMOUNT_REASONS: Readonly<Record<AmountFault, string>> = {
  [AmountFault.MALFORMED]: "must be a plain decimal",
  [AmountFault.NEGATIVE]: "must not be negative",
  [AmountFault.TOO_MANY_DECIMALS]: "has more decimals than the currency",
  [AmountFault.TOO_LARGE]: "must be below 10^18 minor units",
};

function part(name: string, value: string): string {
  return `${name}${value.length}:${value}`;
}

function validateItem(transaction: unknown, index: number, signer: Signer): ItemResult {
  if (!isRecord(transaction)) return refusal(index, null, { member: "", message: "must be an object" });
  const fault = frameFault(transaction, signer);
  if (fault !== null) return refusal(index, transaction, fault);
  const reader = new MemberReader(transaction);
  const item = readItem(reader, index);
  return reader.fault === null ? { ok: true, item } : refusal(index, transaction, reader.fault);
}

interface Fault {
  /** Absent: `VALIDATION`. */
  readonly code?: ErrorCode;
  /** Name of the member; empty for the item as a whole. */
  readonly member: string;
  readonly message: string;
}

/** What is wrong before any value is read: the kind, whose it is, and which members are there. */
function frameFault(transaction: Record<string, unknown>, signer: Signer): Fault | null {
  const { kind } = transaction;
  if (!isKind(kind)) return { member: "kind", message: "must be one of the kinds" };
  const shape = KIND_SHAPES[kind];
  if (shape.isTenantOnly && !signer.isTenant) {
    return { code: ErrorCode.KIND_NOT_ALLOWED, member: "kind", message: "only the tenant may sign this kind" };
  }
  for (const member of Object.keys(transaction)) {
    if (!shape.members.has(member)) return { member, message: `is not a member of ${kind}` };
  }
  for (const member of shape.required) {
    if (transaction[member] === undefined) return { member, message: "is missing" };
  }
  return null;
}

function readItem(reader: MemberReader, index: number): Item {
  const id = reader.code("id") ?? "";
  const kind = reader.kind();
  const product = reader.code("product");
  const brand = reader.code("brand");
  const round = reader.code("round");
  const player = reader.code("player");
  const currency = reader.currency();
  return {
    index,
    id,
    kind,
    product,
    brand,
    round,
    player,
    amountMinor: reader.amount("amount", currency, kind) ?? 0n,
    currency,
    occurredAt: reader.instant("occurredAt") ?? EPOCH,
    reverses: reader.other("reverses", id),
    category: reader.category(),
    units: reader.units(),
    costMinor: reader.amount("cost", currency, kind),
    lot: reader.code("lot"),
    priority: reader.integer("priority", 0, PRIORITY_MAX),
    expiresAt: reader.instant("expiresAt"),
    pool: reader.code("pool"),
    freeRound: reader.flag("freeRound"),
    roundClosed: reader.flag("roundClosed"),
  };
}

const EPOCH = new Date(0);

/** Reads members one by one and keeps the first fault; after one, what it answers has no meaning. */
class MemberReader {
  fault: Fault | null = null;

  constructor(private readonly raw: Record<string, unknown>) {}

  kind(): TransactionKind {
    const { kind } = this.raw;
    return isKind(kind) ? kind : TransactionKind.BET; // frameFault has seen that it is one
  }

  code(member: string): string | null {
    const value = this.raw[member];
    if (value === undefined) return null;
    if (typeof value === "string" && CODE_PATTERN.test(value)) return value;
    return this.refuse(member, "must be 1 to 64 of [A-Za-z0-9._:-]");
  }

  /** The id of another item. */
  other(member: string, id: string): string | null {
    const value = this.code(member);
    return value !== null && value === id ? this.refuse(member, "must name another transaction") : value;
  }

  currency(): string {
    const { currency } = this.raw;
    if (typeof currency !== "string" || !CURRENCY.test(currency)) {
      this.refuse("currency", "must be a currency code");
      return "";
    }
    if (!isKnownCurrency(currency)) this.refuse("currency", "is not known", ErrorCode.CURRENCY_UNKNOWN);
    return currency;
  }

  amount(member: string, currency: string, kind: TransactionKind): bigint | null {
    const value = this.raw[member];
    if (value === undefined || this.fault !== null) return null;
    if (typeof value !== "string") return this.refuse(member, "must be a decimal in a string");
    const signed = kind === TransactionKind.ADJUSTMENT;
    const minor = parseAmount(value, scaleOf(currency), { signed });
    if (typeof minor !== "bigint") return this.refuse(member, AMOUNT_REASONS[minor]);
    if (kind === TransactionKind.ACQUISITION && minor !== 0n) return this.refuse(member, "must be zero or absent");
    return minor;
  }

  instant(member: string): Date | null {
    const value = this.raw[member];
    if (value === undefined) return null;
    if (typeof value === "string" && INSTANT.test(value)) {
      const instant = new Date(value);
      if (instant.getUTCDate() === Number(value.slice(8, 10))) return instant; // else 30 February became 2 March
    }
    return this.refuse(member, "must be RFC 3339 in UTC with no or three decimals");
  }

  integer(member: string, min: number, max: number): number | null {
    const value = this.raw[member];
    if (value === undefined) return null;
    if (typeof value === "number" && Number.isInteger(value) && value >= min && value <= max) return value;
    return this.refuse(member, `must be an integer from ${min} to ${max}`);
  }

  units(): bigint | null {
    const units = this.integer("units", 1, UNITS_MAX);
    return units === null ? null : BigInt(units);
  }

  category(): string | null {
    const { category } = this.raw;
    if (category === undefined) return null;
    if (typeof category === "string" && CATEGORIES.has(category)) return category;
    return this.refuse("category", "must be PAYMENT, PLATFORM, PROVIDER, TAX or OTHER");
  }

  flag(member: string): boolean {
    const value = this.raw[member];
    if (value !== undefined && typeof value !== "boolean") this.refuse(member, "must be true or false");
    return value === true;
  }

  private refuse(member: string, message: string, code?: ErrorCode): null {
    this.fault ??= code === undefined ? { member, message } : { code, member, message };
    return null;
  }
}

function refusal(index: number, transaction: Record<string, unknown> | null, fault: Fault): ItemRefusal {
  const { code = ErrorCode.VALIDATION, member, message } = fault;
  const id = transaction?.["id"];
  return {
    ok: false,
    id: typeof id === "string" && CODE_PATTERN.test(id) ? id : null,
    code,
    path: MEMBER.test(member) ? `/transactions/${index}/${member}` : `/transactions/${index}`,
    message,
  };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isKind(value: unknown): value is TransactionKind {
  return typeof value === "string" && Object.hasOwn(KIND_SHAPES, value);
}
