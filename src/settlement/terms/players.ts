import { groupBy } from "../../kernel/group.js";
import { Rational } from "../../kernel/rational.js";
import type { KindTotal } from "./activity.js";
import { baseOf } from "./base.js";
import type { Contract } from "./contract.js";
import { aggregateOf } from "./ring-fence.js";
import { type State, StateName, unitScope } from "./state.js";
import { adoptCarries, unitsOf } from "./units.js";

/** The most players that something is carried against at once; of more, those who lost most. */
const PLAYERS_MAX = 1_000;

/** Players that something is carried against. */
export function playersIn(state: State): readonly string[] {
  const scopes = state.flatMap(({ name, scope }) => (name === StateName.PLAYER_CARRY ? [scope] : []));
  return [...new Set(scopes.map((scope) => scope.slice(scope.lastIndexOf("=") + 1)))].sort();
}

/** Whether any unit is so far down, players' own offsets aside, that further players' losses are looked for. */
export function isFencing(contract: Contract, totals: readonly KindTotal[], state: State): boolean {
  const { carry } = contract;
  const units = unitsOf(contract, totals, state);
  const kept = adoptCarries(state, units);
  return units.some(({ scope, parts }) => {
    const own = kept.filter((item) => unitScope(item.scope) === scope);
    const aggregate = aggregateOf({ scope, parts, carry, state: own }, baseOf(parts, scope).base);
    return carry.ringFence !== null && aggregate.compare(carry.ringFence.aggregateAtMost) <= 0;
  });
}

/** A player and the lowest base of what the player did, in any unit. */
export interface Loser {
  readonly player: string;
  readonly base: Rational;
}

/** Those of some players who lost so much that the ring-fence looks at them. */
export function losersAmong(contract: Contract, totals: readonly KindTotal[]): readonly Loser[] {
  const { ringFence } = contract.carry;
  return [...groupBy(totals, ({ player = "" }) => player)].flatMap(([player, own]): Loser[] => {
    const bases = unitsOf(contract, own, []).map(({ parts, scope }) => baseOf(parts, scope).base.value);
    const base = bases.reduce((lowest, each) => lowest.min(each), Rational.ZERO);
    return ringFence !== null && base.compare(ringFence.playerAtMost) <= 0 ? [{ player, base }] : [];
  });
}

/** The losers who are carried for by themselves: who lost most first, beside so many players as carry already. */
export function greatestLosers(losers: readonly Loser[], carrying: number): readonly Loser[] {
  const inOrder = [...losers].sort((a, b) => a.base.compare(b.base) || (a.player < b.player ? -1 : 1));
  return inOrder.slice(0, Math.max(PLAYERS_MAX - carrying, 0));
}

/** Totals with those of some players told apart: the same sums, what is left of each row and the players' own rows. */
export function takeApart(totals: readonly KindTotal[], players: readonly KindTotal[]): readonly KindTotal[] {
  const taken = groupBy(players, rowOf);
  const rest = totals.map((total) => (taken.get(rowOf(total)) ?? []).reduce(less, total));
  const isLeft = ({ count, units, sumMinor }: KindTotal) => count !== 0n || units !== 0n || sumMinor !== 0n;
  return [...rest.filter(isLeft), ...players];
}

/** Totals whoever the players are: the rows of those who were told apart join the others'. */
export function withoutPlayers(totals: readonly KindTotal[]): readonly KindTotal[] {
  return [...groupBy(totals, rowOf).values()].map((rows) => {
    const { player: _, ...sum } = rows.reduce(more);
    return sum;
  });
}

function rowOf({ kind, category, originPeriodId, place, foreign }: KindTotal): string {
  const where = place === undefined ? [] : [place.brand, place.product];
  return [kind, category, originPeriodId ?? "", foreign?.from.currency ?? "", foreign?.day ?? "", ...where].join("\n");
}

function more(total: KindTotal, part: KindTotal): KindTotal {
  const sums = { count: total.count + part.count, units: total.units + part.units };
  return { ...total, ...sums, sumMinor: total.sumMinor + part.sumMinor };
}

function less(total: KindTotal, part: KindTotal): KindTotal {
  const sums = { count: total.count - part.count, units: total.units - part.units };
  return { ...total, ...sums, sumMinor: total.sumMinor - part.sumMinor };
}
