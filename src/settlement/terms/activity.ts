import { assert } from "../../kernel/assert.js";
import { Rational } from "../../kernel/rational.js";
import { TransactionKind } from "../../periods/entities.js";
import { type Foreign, sumOfForeign } from "./fx.js";
import { amount, minus, plus, type Working } from "./working.js";

/** What was posted into a period, of one kind and currency. A rollback is a kind of its own, `ROLLBACK_<kind>`. */
export interface KindTotal {
  readonly kind: string;
  /** A fee's category; empty for the other kinds. */
  readonly category: string;
  /** The period it happened in, when it came too late for that one; null when it happened in this one. */
  readonly originPeriodId: string | null;
  readonly count: bigint;
  readonly units: bigint;
  readonly sumMinor: bigint;
  /** Absent where it happened in the statement's currency. */
  readonly foreign?: Foreign | undefined;
  /** Where it happened; absent where no term asks. */
  readonly place?: Place | undefined;
  /** Whether its bonus cost is not deducted. */
  readonly isBonusFree?: boolean;
  /** Whether the stakes of its free rounds count at face value; absent: as its base says. */
  readonly isAtFaceValue?: boolean;
  /** The rate that a rule chose for it, and the case that the rule was asked about. */
  readonly ruled?: { readonly scope: string; readonly rate: Rational };
  /** The pseudonym, as it is stored, of a player that the ring-fence looks at; absent for all others together. */
  readonly player?: string | undefined;
}

/** Brand, product, the product's category and its group; empty for none. */
export interface Place {
  readonly brand: string;
  readonly product: string;
  readonly category: string;
  readonly group?: string;
}

/** A kind as it enters a sum: under which name, of which fee categories (absent: of any), added or taken off. */
export interface Part {
  readonly kind: TransactionKind;
  readonly name: string;
  readonly categories?: readonly string[];
  /** Only where free rounds' stakes count at face value, or only where they do not; absent: of any. */
  readonly isAtFaceValue?: boolean;
  readonly isTakenOff?: boolean;
}

/** Which items a sum takes: those of the period itself, those that came late into it, or both. */
export enum Timing {
  OWN = "OWN",
  LATE = "LATE",
  BOTH = "BOTH",
}

const SETTLED: ReadonlySet<string> = new Set(
  Object.values(TransactionKind)
    .filter((kind) => kind !== TransactionKind.ROLLBACK)
    .flatMap((kind) => [kind, `ROLLBACK_${kind}`]),
);

/** The kinds among these that no term settles; to leave one out silently would be a wrong amount. */
export function unsettledKinds(totals: readonly KindTotal[]): readonly string[] {
  return totals.map(({ kind }) => kind).filter((kind) => !SETTLED.has(kind));
}

/**
 * The sum of some kinds, each less what was rolled back (domain 2, effective amounts). It always names the first part;
 * the other parts, rollbacks and late items only where any occurred.
 */
export function sumOf(totals: readonly KindTotal[], timing: Timing, parts: readonly Part[]): Working {
  const pieces = timesOf(timing).flatMap((time) => parts.flatMap((part) => piecesOf(totals, time, part)));
  const [first, ...others] = pieces;
  assert(first !== undefined && !first.isTakenOff, "a sum starts with something added");
  return others
    .filter(({ occurred }) => occurred)
    .reduce((sum, piece) => (piece.isTakenOff ? minus : plus)(sum, piece.working), first.working);
}

/** Minor units of one part in its own currency, less what was rolled back, late ones counted. */
export function minorOf(totals: readonly KindTotal[], part: Part): bigint {
  const sumOfKind = (name: string) =>
    totals
      .filter((total) => total.kind === name && isOf(total, part))
      .reduce((sum, { sumMinor }) => sum + sumMinor, 0n);
  return sumOfKind(part.kind) - sumOfKind(`ROLLBACK_${part.kind}`);
}

/** How many of some kinds were posted, or how many units they had, less what was rolled back, late ones counted. */
export function countOf(
  totals: readonly KindTotal[],
  kinds: readonly TransactionKind[],
  what: "count" | "units",
): bigint {
  const of = (names: readonly string[]) =>
    totals.filter(({ kind }) => names.includes(kind)).reduce((sum, total) => sum + total[what], 0n);
  return of(kinds) - of(kinds.map((kind) => `ROLLBACK_${kind}`));
}

/** Totals of one currency; `foreign` is null for the statement's own, whose group comes first and is always there. */
export interface CurrencyGroup {
  readonly foreign: Foreign | null;
  readonly totals: readonly KindTotal[];
  /** What its lines are about: `currency=…`; empty for the statement's own. */
  readonly scope: string;
}

/** Totals apart by currency. */
export function byCurrency(totals: readonly KindTotal[]): readonly CurrencyGroup[] {
  const groups = new Map<string, KindTotal[]>([["", []]]);
  for (const total of totals) {
    const currency = total.foreign?.from.currency ?? "";
    const group = groups.get(currency);
    if (group === undefined) groups.set(currency, [total]);
    else group.push(total);
  }
  return [...groups.keys()].sort().map((currency) => {
    const group = groups.get(currency) ?? [];
    const scope = currency === "" ? "" : `currency=${currency}`;
    return { foreign: group[0]?.foreign ?? null, totals: group, scope };
  });
}

/** Whether anything of these kinds, or a rollback of it, was posted. */
export function hasAny(totals: readonly KindTotal[], timing: Timing, parts: readonly Part[]): boolean {
  return timesOf(timing).some((time) =>
    parts.some((part) => piecesOf(totals, time, part).some(({ occurred }) => occurred)),
  );
}

interface Piece {
  readonly occurred: boolean;
  readonly isTakenOff: boolean;
  readonly working: Working;
}

type Time = Timing.OWN | Timing.LATE;

function timesOf(timing: Timing): readonly Time[] {
  return timing === Timing.BOTH ? [Timing.OWN, Timing.LATE] : [timing];
}

/** What was posted of a part and what was rolled back of it. */
function piecesOf(totals: readonly KindTotal[], time: Time, part: Part): readonly Piece[] {
  return [false, true].map((isRollback) => {
    const kind = isRollback ? `ROLLBACK_${part.kind}` : part.kind;
    const found = totals.filter((total) => total.kind === kind && isOf(total, part) && timeOf(total) === time);
    const words = [time === Timing.LATE ? "late" : "", isRollback ? "rolledBack" : "", part.name];
    const sum = found.reduce((value, total) => value.plus(worthOf(total)), Rational.ZERO);
    return {
      occurred: found.some(({ count }) => count > 0n),
      isTakenOff: (part.isTakenOff ?? false) !== isRollback,
      working: amount(camelCase(words), sum),
    };
  });
}

function worthOf({ sumMinor, foreign }: KindTotal): Rational {
  const minor = Rational.of(sumMinor);
  return foreign === undefined ? minor : sumOfForeign(foreign, minor);
}

function isOf(total: KindTotal, { categories, isAtFaceValue }: Part): boolean {
  const isValuedSo = isAtFaceValue === undefined || isAtFaceValue === total.isAtFaceValue;
  return isValuedSo && (categories === undefined || categories.includes(total.category));
}

function timeOf(total: KindTotal): Time {
  return total.originPeriodId === null ? Timing.OWN : Timing.LATE;
}

function camelCase(words: readonly string[]): string {
  const [first = "", ...others] = words.filter((word) => word !== "");
  return first + others.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join("");
}
