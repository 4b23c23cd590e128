import { present } from "../../kernel/assert.js";
import { groupBy } from "../../kernel/group.js";
import type { KindTotal } from "./activity.js";
import type { BasePart } from "./base.js";
import { CarryScope, type Contract, type Match, type Override, type ShareTerms, TierMode, Window } from "./contract.js";
import { isInOwnCurrency } from "./fx.js";
import { ADOPTED, playerScope, type State, StateName, unitScope, unitState } from "./state.js";

/** Activity that is shared, and carries, for itself. */
export interface Unit {
  /** `brand=… category=… product=…`, as far as it is narrowed; empty for the rest. */
  readonly scope: string;
  readonly share: ShareTerms;
  readonly parts: readonly BasePart[];
  /** The override that says its share; null for the rest. */
  readonly override: Override | null;
}

/** The narrower an override, the more it weighs: a group more than a product, a category, a brand, in this order. */
const WEIGHTS = { group: 8, product: 4, category: 2, brand: 1 } as const;
const NARROWED = ["group", "product", "category", "brand"] as const;
/** Before the scope of a case that a rule chose a rate for. */
const CASE = "case ";
/** The case of a rule that is asked about the whole, where that has to be kept apart. */
const WHOLE = "whole";

/**
 * The units of a statement: the rest first, then each override that has a share of its own and each case that a rule
 * chose a rate for, apart by brand or product where these carry for themselves. A unit without activity stands where
 * something of it persists or is guaranteed.
 */
export function unitsOf(contract: Contract, totals: readonly KindTotal[], state: State): readonly Unit[] {
  const placed = totals.map((total) => ({ total, override: overrideOf(contract, total, "share") }));
  const groups = groupBy(placed, ({ total, override }) => scopeOf(contract, total, override));
  const scopes = new Set(["", ...groups.keys(), ...unitState(state).map(({ scope }) => unitScope(scope))]);
  for (const { share, guarantee, match } of contract.overrides) if (share && guarantee) scopes.add(matchText(match));
  return [...scopes].sort().flatMap((scope) => {
    const group = groups.get(scope) ?? [];
    const override = group[0]?.override ?? overrideOfScope(contract, scope);
    const isSetApart = isCarryScope(contract, scope) || isCaseScope(contract, scope);
    if (group.length === 0 && override === null && scope !== "" && !isSetApart) return [];
    const parts = partsOf(
      contract,
      group.map(({ total }) => total),
      override,
    );
    const share = shareAt(contract, scope, override);
    return [{ scope, override, parts, share: atRate(share, group[0]?.total) }];
  });
}

/** The state with what was carried for units that the contract no longer knows given to the rest: none is lost. */
export function adoptCarries(state: State, units: readonly Unit[]): State {
  const known = new Set(units.map(({ scope }) => scope));
  return state.map((item) => {
    if (known.has(unitScope(item.scope))) return item;
    if (item.name === StateName.CARRY) return { ...item, scope: "", key: `${ADOPTED}${item.key}` };
    if (item.name !== StateName.PLAYER_CARRY) return item;
    return { ...item, scope: playerScope("", item.scope.slice(item.scope.lastIndexOf("=") + 1)) };
  });
}

/** The most specific override that says a member for this activity; null where none does. */
export function overrideOf(
  { overrides }: Contract,
  { place }: KindTotal,
  member: "base" | "share" | "fees",
): Override | null {
  const found = overrides
    .filter((override) => override[member] !== null && isMatch(override.match, place))
    .sort((a, b) => weightOf(b.match) - weightOf(a.match));
  return found[0] ?? null;
}

/** The activity that an override is about, in words that are the same in every version. */
export function matchText(match: Match): string {
  const { brand, category, product, group } = match;
  const names = Object.entries({ brand, category, product, group });
  return names.flatMap(([name, value]) => (value === null ? [] : [`${name}=${value}`])).join(" ");
}

/** How much an override is narrowed; two that match one place never weigh the same. */
function weightOf(match: Match): number {
  return NARROWED.reduce((sum, name) => sum + (match[name] === null ? 0 : WEIGHTS[name]), 0);
}

function isMatch(match: Match, place: KindTotal["place"]): boolean {
  return NARROWED.every((name) => match[name] === null || match[name] === (place?.[name] ?? ""));
}

function scopeOf({ carry, share }: Contract, { place, ruled }: KindTotal, override: Override | null): string {
  const match = override === null ? "" : matchText(override.match);
  const chosen = ruled === undefined ? "" : caseOf(ruled, override?.share ?? share);
  const own = [match, chosen].filter((text) => text !== "").join("; ");
  if (carry.scope === CarryScope.PARTNER) return own;
  const [name, value] =
    carry.scope === CarryScope.BRAND ? ["brand", place?.brand ?? ""] : ["product", place?.product ?? ""];
  return value === "" || own.includes(`${name}=`)
    ? own
    : [own, `${name}=${value}`].filter((text) => text !== "").join("; ");
}

/** What a rule chose a rate for is no part of a tier window, also where it is the whole. */
function caseOf({ scope }: NonNullable<KindTotal["ruled"]>, { window }: ShareTerms): string {
  if (scope !== "") return `${CASE}${scope}`;
  return window === Window.PERIOD ? "" : `${CASE}${WHOLE}`;
}

/** Whether a scope is one that a carry alone set apart, so that what it left finds no activity but is kept. */
function isCarryScope({ carry }: Contract, scope: string): boolean {
  return /^(?:brand|product)=/.test(scope.split("; ").at(-1) ?? "") && carry.scope !== CarryScope.PARTNER;
}

/** Whether a scope is a case of the contract's rule, which carries for itself even where nothing happened. */
function isCaseScope({ rule }: Contract, scope: string): boolean {
  return rule !== null && scope.split("; ").some((part) => part.startsWith(CASE));
}

/** A share at the rate that a rule chose in its place. */
function atRate(share: ShareTerms, total: KindTotal | undefined): ShareTerms {
  if (total?.ruled === undefined) return share;
  const brackets = [{ upTo: null, rate: total.ruled.rate }];
  return { pointer: "/rules", mode: TierMode.SLAB, window: Window.PERIOD, brackets };
}

/** The share of the unit that a scope names. */
export function shareIn(contract: Contract, scope: string): ShareTerms {
  return shareAt(contract, scope, overrideOfScope(contract, scope));
}

/** What a rule chose a rate for has no tier window, also in a period in which nothing happened there. */
function shareAt(contract: Contract, scope: string, override: Override | null): ShareTerms {
  const share = override?.share ?? contract.share;
  return isCaseScope(contract, scope) ? { ...share, window: Window.PERIOD } : share;
}

function overrideOfScope({ overrides }: Contract, scope: string): Override | null {
  const [own = ""] = scope.split("; ");
  return overrides.find(({ share, match }) => share !== null && matchText(match) === own) ?? null;
}

/** Activity apart by currency and by whose base it has; where there is none, one empty part. */
export function partsOf(
  contract: Contract,
  totals: readonly KindTotal[],
  override: Override | null,
): readonly BasePart[] {
  const baseFor = (total: KindTotal) => overrideOf(contract, total, "base")?.base ?? contract.base;
  const currencyOf = ({ foreign }: KindTotal) => (isInOwnCurrency(foreign) ? "" : foreign?.from.currency);
  const groups = groupBy(totals, (total) => `${currencyOf(total)} ${baseFor(total).pointer}`);
  if (groups.size === 0) return [{ terms: override?.base ?? contract.base, totals: [], foreign: null }];
  return [...groups]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, group]) => {
      const first = present(group[0], "a total");
      const foreign = isInOwnCurrency(first.foreign) ? null : (first.foreign ?? null);
      return { terms: baseFor(first), totals: group, foreign };
    });
}
