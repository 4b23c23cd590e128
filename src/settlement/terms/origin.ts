import { groupBy } from "../../kernel/group.js";
import { Rational } from "../../kernel/rational.js";
import type { KindTotal } from "./activity.js";
import { type Contract, type Fee, FeeKind, type Guarantee, GuaranteeKind, Window } from "./contract.js";
import type { Reclassified } from "./dues.js";
import type { Earning } from "./earned.js";
import { type Earnings, earningsOf, sumMinor } from "./earnings.js";
import { type ExactLine, type MoneyLine, moneyLine } from "./lines.js";
import { type PeriodDays, windowKey } from "./period.js";
import { ADOPTED, type State, StateName, tidyState } from "./state.js";
import { shareIn } from "./units.js";
import { amount, minus } from "./working.js";

/** A fenced period that late items belong to, as its own statement was computed: its terms, activity and state. */
export interface Origin extends Earning {
  readonly periodId: string;
  /** Late items that earlier statements settled for it at its terms. */
  readonly before: readonly KindTotal[];
  /** Whether it has no statement, and no late items before: then nothing was settled for it. */
  readonly isUnsettled?: boolean;
}

/** What late items change at the terms of their origin. */
export interface OriginChange {
  readonly periodId: string;
  /** The origin with what was settled for it before, and with all of its late items. */
  readonly settled: Earnings;
  readonly again: Earnings;
  /** By how much each line of money changes. */
  readonly lines: readonly MoneyLine[];
  readonly counted: readonly Reclassified[];
  /** By how much what the origin left changes. */
  readonly moved: State;
}

/** Kept by the present statement: an advance is one account, whichever period is recouped from. */
const KEPT_HERE: ReadonlySet<StateName> = new Set([StateName.ADVANCE_EARNED, StateName.ADVANCE_INSTALMENTS]);

/**
 * Late items at their origin's terms (domain 6, ORIGIN_TERMS): what the origin earns with all of them by its pinned
 * version, less what was settled for it. Statements in between are not recomputed.
 */
export function settleOrigin(
  { periodId, before, isUnsettled = false, ...origin }: Origin,
  late: readonly KindTotal[],
): OriginChange {
  const own = ownTotals(origin.contract, origin.totals);
  const contract = isUnsettled ? givingNothing(origin.contract) : origin.contract;
  const settled = earningsOf({ ...origin, contract, totals: [...own, ...timely(before)] });
  const again = earningsOf({ ...origin, totals: [...own, ...timely([...before, ...late])] });
  const counted = [...again.counted, ...settled.counted.map(({ currency, minor }) => ({ currency, minor: -minor }))];
  return { periodId, settled, again, lines: changes(periodId, settled, again), counted, moved: moves(settled, again) };
}

/** Of a period's totals those that its base is made of: late items have terms of their own where the contract says. */
export function ownTotals({ settlesLateAtOrigin }: Contract, totals: readonly KindTotal[]): readonly KindTotal[] {
  return settlesLateAtOrigin ? totals.filter(({ originPeriodId }) => originPeriodId === null) : totals;
}

/**
 * What the origin's change moves in what the present statement opens with: the carry that comes in, unless it is of the
 * present tier window, whose base moves instead; sums of windows; players' carries.
 */
export function movedInto(present: Earning, origin: Origin, { moved }: OriginChange): State {
  return moved.flatMap((item) => {
    if (item.name !== StateName.CARRY) return [item];
    const [now, then] = [present, origin].map(({ contract, period }) => windowOf(contract, period, item.scope));
    if (now !== null && now === then) return [];
    return [{ ...item, key: `${ADOPTED}${item.key.split("/").at(-1) ?? ""}` }];
  });
}

/** The tier window that a unit of a period is in; null where it has none. */
function windowOf(contract: Contract, period: PeriodDays, scope: string): string | null {
  const { window } = shareIn(contract, scope);
  return window === Window.PERIOD ? null : windowKey(window, period);
}

/** By how much what a group earned changes: what an advance is recouped from. */
export function groupChange({ settled, again }: OriginChange, scope: string): bigint {
  const of = ({ groups }: Earnings) => sumMinor(groups.filter((group) => group.scope === scope));
  return of(again) - of(settled);
}

/** A contract without what it gives or takes where nothing happens: what it guarantees, and fees of the period. */
function givingNothing(contract: Contract): Contract {
  const own = ({ fees, guarantee }: { readonly fees: readonly Fee[]; readonly guarantee: Guarantee | null }) => ({
    fees: fees.filter(({ kind, window }) => kind !== FeeKind.FIXED || window !== Window.PERIOD),
    guarantee: guarantee?.kind === GuaranteeKind.RECOUPABLE_ADVANCE ? guarantee : null,
  });
  const overrides = contract.overrides.map(({ fees, guarantee, ...override }) => {
    const kept = own({ fees: fees ?? [], guarantee });
    return { ...override, ...kept, fees: fees === null ? null : kept.fees };
  });
  return { ...contract, ...own(contract), overrides };
}

function timely(late: readonly KindTotal[]): readonly KindTotal[] {
  return late.map((total) => ({ ...total, originPeriodId: null }));
}

function changes(periodId: string, settled: Earnings, again: Earnings): readonly MoneyLine[] {
  const [before, after] = [settled, again].map(({ money }) =>
    groupBy(
      money.filter(({ code }) => code !== "ADVANCE"),
      ({ code, scope, term }) => [code, scope, term].join("\n"),
    ),
  ) as [Map<string, MoneyLine[]>, Map<string, MoneyLine[]>];
  return [...new Set([...after.keys(), ...before.keys()])].flatMap((key) => {
    const [then, now] = [before.get(key) ?? [], after.get(key) ?? []];
    const [line] = [...now, ...then];
    const change = minus(sumNamed("again", now), sumNamed("settled", then));
    if (line === undefined) return [];
    const scope = [`origin=${periodId}`, line.scope].filter((text) => text !== "").join("; ");
    const changed = { ...moneyLine(line.code, "/lateItems", change, scope), ...convertedOf(line, now, then) };
    return changed.amountMinor === 0n && (changed.converted?.minor ?? 0n) === 0n ? [] : [changed];
  });
}

function sumNamed(name: string, lines: readonly MoneyLine[]) {
  return amount(name, Rational.of(sumMinor(lines)));
}

/** Of another currency, by how much its own minor units change. */
function convertedOf({ converted }: ExactLine, now: readonly MoneyLine[], then: readonly MoneyLine[]) {
  if (converted === undefined) return {};
  const minor = (lines: readonly MoneyLine[]) => lines.reduce((sum, line) => sum + (line.converted?.minor ?? 0n), 0n);
  return { converted: { ...converted, minor: minor(now) - minor(then) } };
}

function moves(settled: Earnings, again: Earnings): State {
  const left = ({ groups }: Earnings) =>
    groups.flatMap(({ state }) => state).filter(({ name }) => !KEPT_HERE.has(name));
  return tidyState([...left(again), ...left(settled).map((item) => ({ ...item, value: item.value.negate() }))]);
}
