import { present } from "../../kernel/assert.js";
import { groupBy } from "../../kernel/group.js";
import type { KindTotal } from "./activity.js";
import type { BasePart } from "./base.js";
import { CarryScope, type Contract, type Match, type Override, type ShareTerms } from "./contract.js";
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

/** The narrower an override, the more it weighs: a product more than a category, that more than a brand. */
const WEIGHTS = { product: 4, category: 2, brand: 1 } as const;

/**
 * The units of a statement: the rest first, then each override that has a share of its own, apart by brand or product
 * where these carry for themselves. A unit without activity stands where something of it persists or is guaranteed.
 */
export function unitsOf(contract: Contract, totals: readonly KindTotal[], state: State): readonly Unit[] {
  const placed = totals.map((total) => ({ total, override: overrideOf(contract, total, "share") }));
  const groups = groupBy(placed, ({ total, override }) => scopeOf(contract, total, override));
  const scopes = new Set(["", ...groups.keys(), ...unitState(state).map(({ scope }) => unitScope(scope))]);
  for (const { share, guarantee, match } of contract.overrides) if (share && guarantee) scopes.add(matchText(match));
  return [...scopes].sort().flatMap((scope) => {
    const group = groups.get(scope) ?? [];
    const override = group[0]?.override ?? overrideOfScope(contract, scope);
    if (group.length === 0 && override === null && scope !== "" && !isCarryScope(contract, scope)) return [];
    const parts = partsOf(
      contract,
      group.map(({ total }) => total),
      override,
    );
    return [{ scope, override, parts, share: override?.share ?? contract.share }];
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
  const names = Object.entries({ brand: match.brand, category: match.category, product: match.product });
  return names.flatMap(([name, value]) => (value === null ? [] : [`${name}=${value}`])).join(" ");
}

/** How much an override is narrowed; two that match one place never weigh the same. */
function weightOf(match: Match): number {
  return (["product", "category", "brand"] as const).reduce(
    (sum, name) => sum + (match[name] === null ? 0 : WEIGHTS[name]),
    0,
  );
}

function isMatch(match: Match, place: KindTotal["place"]): boolean {
  return (["product", "category", "brand"] as const).every(
    (name) => match[name] === null || match[name] === (place?.[name] ?? ""),
  );
}

function scopeOf({ carry }: Contract, { place }: KindTotal, override: Override | null): string {
  const own = override === null ? "" : matchText(override.match);
  if (carry.scope === CarryScope.PARTNER) return own;
  const [name, value] =
    carry.scope === CarryScope.BRAND ? ["brand", place?.brand ?? ""] : ["product", place?.product ?? ""];
  return value === "" || own.includes(`${name}=`)
    ? own
    : [own, `${name}=${value}`].filter((text) => text !== "").join("; ");
}

/** Whether a scope is one that a carry alone set apart, so that what it left finds no activity but is kept. */
function isCarryScope({ carry }: Contract, scope: string): boolean {
  return /^(?:brand|product)=/.test(scope.split("; ").at(-1) ?? "") && carry.scope !== CarryScope.PARTNER;
}

/** The share of the unit that a scope names. */
export function shareIn(contract: Contract, scope: string): ShareTerms {
  return overrideOfScope(contract, scope)?.share ?? contract.share;
}

function overrideOfScope({ overrides }: Contract, scope: string): Override | null {
  const [own = ""] = scope.split("; ");
  return overrides.find(({ share, match }) => share !== null && matchText(match) === own) ?? null;
}

function partsOf(contract: Contract, totals: readonly KindTotal[], override: Override | null): readonly BasePart[] {
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
