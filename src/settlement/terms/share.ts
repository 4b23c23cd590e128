import { Rational } from "../../kernel/rational.js";
import { type Carried, carriedFrom, carriedState, carryOver } from "./carry.js";
import { type CarryTerms, CarryUnit, type ShareTerms, TierBasis, Window } from "./contract.js";
import { type ExactLine, workingLine } from "./lines.js";
import { endsCycle, type PeriodDays, windowKey } from "./period.js";
import { ADOPTED, itemsIn, type State, StateName, valueIn } from "./state.js";
import { applyTiers } from "./tiers.js";
import { amount, greatest, minus, negate, plus, type Working, ZERO } from "./working.js";

/** What a share is computed from, besides the base. */
export interface Sharing {
  readonly scope: string;
  readonly share: ShareTerms;
  readonly carry: CarryTerms;
  readonly state: State;
  readonly period: PeriodDays;
}

const WINDOW_STATE = new Set([StateName.WINDOW_BASE, StateName.WINDOW_SETTLED, StateName.WINDOW_CARRY]);

/** What a share came to. */
export interface Shared {
  readonly before: readonly ExactLine[];
  /** Null where the contract has no share. */
  readonly share: ExactLine | null;
  readonly after: readonly ExactLine[];
  /** What persists, once it is known what the share was rounded to. */
  readonly stateAfter: (shareMinor: bigint) => State;
}

/**
 * The partner's part of a base (domain 4, 5 and 7): `F(max(base + carryIn, 0))`, or with a carried commission
 * `max(F(base) + carryIn, 0)`. Within a tier window longer than the period it is what all of the window's base comes
 * to, less what was settled of it, which may be negative (domain 6).
 */
export function shareOf(sharing: Sharing, base: Working): Shared {
  const { scope, share, carry } = sharing;
  const window = windowOf(sharing, base);
  const shared = (carry.unit === CarryUnit.BASE ? shareOfBase : shareOfCommission)(sharing, window);
  const due = window.settled === null ? shared.due : minus(shared.due, amount("settled", window.settled));
  const stateAfter = (shareMinor: bigint) => {
    return [...carriedState(shared.out, StateName.CARRY, scope), ...window.stateAfter(Rational.of(shareMinor))];
  };
  const hasShare = share.brackets.length > 0;
  if (!hasShare) return { before: [], share: null, after: [], stateAfter: () => keptCarry(sharing) };
  return {
    before: [...window.lines, ...(window.isOpen ? shared.before.map(ofWindow) : shared.before)],
    share: workingLine("SHARE", share.pointer, due, scope),
    after: shared.after,
    stateAfter,
  };
}

/**
 * In a window that is open already it is not the statement before that is carried on from: what that one carried out is
 * in the window's base.
 */
function ofWindow(line: ExactLine): ExactLine {
  return line.code === "CARRY_IN" ? { ...line, code: "WINDOW_CARRY_IN" } : line;
}

/** Whether a statement before was of the tier window that a period is in: what it left says so. */
export function isWindowOpen({ scope, share, state, period }: Omit<Sharing, "carry">): boolean {
  const key = windowKey(share.window, period);
  return state.some((item) => {
    return item.scope === scope && WINDOW_STATE.has(item.name) && (item.key === key || item.key.startsWith(`${key}/`));
  });
}

/** Without a share a carry stays as it is, less what late items gave back of it. */
function keptCarry({ scope, carry, state }: Sharing): State {
  const items = itemsIn(state, StateName.CARRY, scope);
  if (items.every(({ value }) => value.isNegative)) return items;
  const left = carriedFrom(items, carry).filter(({ value }) => value.isNegative);
  return carriedState(left, StateName.CARRY, scope);
}

interface InWindow {
  readonly lines: readonly ExactLine[];
  /** Whether a statement before was of the same window. */
  readonly isOpen: boolean;
  /** The base of the window so far, or of the period. */
  readonly base: Working;
  readonly carried: readonly Carried[];
  /** Null outside of windows. */
  readonly settled: Rational | null;
  readonly stateAfter: (share: Rational) => State;
}

function windowOf(sharing: Sharing, base: Working): InWindow {
  const { scope, share, carry, state, period } = sharing;
  const carries = itemsIn(state, StateName.CARRY, scope);
  const carried = carriedFrom(carries, carry);
  if (share.window === Window.PERIOD) {
    return { lines: [], isOpen: false, base, carried, settled: null, stateAfter: () => [] };
  }
  const key = windowKey(share.window, period);
  const here = (name: StateName) => valueIn(state, { name, scope, key });
  const [before, settled] = [here(StateName.WINDOW_BASE), here(StateName.WINDOW_SETTLED)];
  const opened = itemsIn(state, StateName.WINDOW_CARRY, scope).filter((item) => item.key.startsWith(`${key}/`));
  const isOpen = isWindowOpen(sharing);
  const adopted = carries.filter((item) => item.key.startsWith(ADOPTED));
  const taken = isOpen ? carriedFrom([...opened, ...adopted], carry) : carried;
  const line = workingLine("WINDOW_BASE", `${share.pointer}/window`, plus(amount("baseBefore", before), base), scope);
  return {
    lines: [line],
    isOpen,
    base: amount("windowBase", line.value),
    carried: taken,
    settled,
    stateAfter: (shared) => [
      { name: StateName.WINDOW_BASE, scope, key, value: line.value },
      { name: StateName.WINDOW_SETTLED, scope, key, value: settled.plus(shared) },
      ...carriedState(taken, StateName.WINDOW_CARRY, scope).map((item) => ({ ...item, key: `${key}/${item.key}` })),
    ],
  };
}

interface Due {
  readonly before: readonly ExactLine[];
  readonly due: Working;
  readonly after: readonly ExactLine[];
  readonly out: readonly Carried[];
}

/** `F(max(base - what was carried in, 0))`; tiers look at the base after the carry, or before it. */
function shareOfBase(sharing: Sharing, { base, carried: entries }: InWindow): Due {
  const { scope, share, carry } = sharing;
  const { before, after, net, out } = carryOver(carry, { own: base, entries, scope, isAging: isAging(sharing) });
  if (share.brackets.length === 0) return { before, after, out, due: ZERO };
  const shared = greatest(net, ZERO);
  const chosenBy = carry.tierBasis === TierBasis.GROSS ? greatest(base, ZERO) : shared;
  const { lines, due } = applyTiers(share, { shared, chosenBy }, scope);
  return { before: [...before, ...lines], after, due, out };
}

/** `max(F(base) - what was carried in, 0)`, where a base below zero gives `-F(-base)`. */
function shareOfCommission(sharing: Sharing, { base, carried }: InWindow): Due {
  const { scope, share, carry } = sharing;
  if (share.brackets.length === 0) return { before: [], after: [], out: carried, due: ZERO };
  const isLoss = base.value.isNegative;
  const shared = greatest(isLoss ? negate(base) : base, ZERO);
  const { lines, due } = applyTiers(share, { shared, chosenBy: shared }, scope);
  const line = workingLine("COMMISSION", share.pointer, isLoss ? negate(due) : due, scope);
  const own = amount("commission", line.value);
  const { before, after, net, out } = carryOver(carry, { own, entries: carried, scope, isAging: isAging(sharing) });
  return { before: [...lines, line, ...before], after, due: greatest(net, ZERO), out };
}

/** Windows age what was carried into them, whichever statement is their last; periods do once they end. */
function isAging({ share, period }: Sharing): boolean {
  return share.window !== Window.PERIOD || endsCycle(period);
}
