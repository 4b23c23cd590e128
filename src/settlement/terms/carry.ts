import { Rational } from "../../kernel/rational.js";
import { CarryPolicy, type CarryTerms } from "./contract.js";
import { type ExactLine, workingLine } from "./lines.js";
import type { State, StateName } from "./state.js";
import { amount, greatest, least, minus, negate, plus, rate, times, type Working, ZERO } from "./working.js";

const POINTER = "/carryOver";

/** What was carried, and how long it still lives (null: for ever). At most zero, unless late items gave some back. */
export interface Carried {
  readonly value: Rational;
  readonly periodsLeft: number | null;
}

/** What is carried over, besides the terms. */
export interface Carrying {
  readonly own: Working;
  readonly entries: readonly Carried[];
  readonly scope: string;
  /** Whether a carry is a period older after it: not so after a part of one that another part follows. */
  readonly isAging: boolean;
}

/** What a carry does to a period. */
export interface CarriedOver {
  /** CARRY_IN, and CARRY_OFFSET where the carry is bounded. */
  readonly before: readonly ExactLine[];
  /** CARRY_OUT, with CARRY_EXPIRED before it where something expired. */
  readonly after: readonly ExactLine[];
  /** What is left to be shared; may be below zero. */
  readonly net: Working;
  readonly out: readonly Carried[];
}

/**
 * Takes what was carried in off what is the period's own (domain 7), the oldest first, and says what is carried out.
 * What was carried in always counts; the policy decides what is carried out, and CAPPED how much is taken at once. What
 * late items gave back of an earlier carry, above all that is carried now, is added.
 */
export function carryOver(terms: CarryTerms, { own, entries, scope, isAging }: Carrying): CarriedOver {
  const carryIn = amount("carryIn", sumOf(entries));
  const before = workingLine("CARRY_IN", POINTER, carryIn, scope);
  const isGiven = carryIn.value.compare(Rational.ZERO) > 0;
  if (isGiven || (terms.policy !== CarryPolicy.CAPPED && terms.expiresAfterPeriods === null)) {
    const net = plus(own, carryIn);
    const out = terms.policy === CarryPolicy.NONE ? ZERO : least(net, ZERO);
    const after = [workingLine("CARRY_OUT", POINTER, out, scope)];
    return { before: [before], after, net, out: [{ value: out.value, periodsLeft: lifeOf(terms, isAging) }] };
  }
  const most = greatest(own, ZERO);
  const bound = terms.policy === CarryPolicy.CAPPED ? times(rate("capRate", terms.rate), most) : most;
  const offset = workingLine("CARRY_OFFSET", POINTER, least(negate(carryIn), bound), scope);
  const { expired, out } = age(terms, { own: own.value, entries: absorb(entries, offset.value), isAging });
  const expiredLine = workingLine("CARRY_EXPIRED", `${POINTER}/expiresAfterPeriods`, expired, scope);
  const named = { offset: amount("carryOffset", offset.value), expired: amount("carryExpired", expired.value) };
  const left = plus(plus(least(own, ZERO), carryIn), named.offset);
  const carryOut = expired.value.isZero ? left : minus(left, named.expired);
  const after = workingLine("CARRY_OUT", POINTER, carryOut, scope);
  return {
    before: [before, offset],
    after: expired.value.isZero ? [after] : [expiredLine, after],
    net: minus(own, named.offset),
    out,
  };
}

/**
 * What a state says is carried, the oldest first. What late items gave back of it is taken off; where that is more than
 * all of it, the rest is one value above zero.
 */
export function carriedFrom(state: State, { expiresAfterPeriods }: CarryTerms): readonly Carried[] {
  const entries = state
    .map(({ key, value }) => {
      const periods = key.split("/").at(-1) ?? "";
      const left = periods === "" ? expiresAfterPeriods : Number(periods);
      return { value, periodsLeft: expiresAfterPeriods === null ? null : left };
    })
    .sort((a, b) => (a.periodsLeft ?? 0) - (b.periodsLeft ?? 0));
  const given = sumOf(entries.map(({ value, ...entry }) => ({ ...entry, value: value.max(Rational.ZERO) })));
  if (given.isZero) return entries;
  const rest = sumOf(entries);
  if (!rest.isNegative) return [{ value: rest, periodsLeft: null }];
  return absorb(
    entries.filter(({ value }) => value.isNegative),
    given,
  );
}

/** What is carried, as state of that name. */
export function carriedState(out: readonly Carried[], name: StateName, scope: string): State {
  return out.map(({ value, periodsLeft }) => ({
    ...{ name, scope, value },
    key: periodsLeft === null ? "" : String(periodsLeft),
  }));
}

/** What is left of entries after so much was taken off, the oldest first. */
export function absorb(entries: readonly Carried[], offset: Rational): readonly Carried[] {
  let left = offset;
  return entries.map((entry) => {
    const taken = left.min(entry.value.negate());
    left = left.minus(taken);
    return { ...entry, value: entry.value.plus(taken) };
  });
}

/** One period more: what has lived as long as it may expires, the period's own loss is added. */
export function age(
  terms: CarryTerms,
  { own, entries, isAging }: Omit<Carrying, "own" | "scope"> & { readonly own: Rational },
): { readonly expired: Working; readonly out: readonly Carried[] } {
  const aged = entries.map(({ value, periodsLeft }) => ({
    value,
    periodsLeft: periodsLeft === null || !isAging ? periodsLeft : periodsLeft - 1,
  }));
  const isOver = ({ periodsLeft }: Carried) => periodsLeft !== null && periodsLeft <= 0;
  const out = aged.filter((entry) => !isOver(entry));
  const fresh = { value: own.min(Rational.ZERO), periodsLeft: lifeOf(terms, isAging) };
  return { expired: amount("carryExpired", sumOf(aged.filter(isOver))), out: [...out, fresh] };
}

/** How long what is carried out lives; after a part of a period it is still to age by that period itself. */
function lifeOf({ expiresAfterPeriods }: CarryTerms, isAging: boolean): number | null {
  return expiresAfterPeriods === null || isAging ? expiresAfterPeriods : expiresAfterPeriods + 1;
}

function sumOf(entries: readonly Carried[]): Rational {
  return entries.reduce((sum, { value }) => sum.plus(value), Rational.ZERO);
}
