import { Rational } from "../../kernel/rational.js";

/** What a statement leaves to the next one of its currency, besides its closing. */
export enum StateName {
  /** A carried base or commission, at most 0; the key is the number of periods it still lives, empty for ever. */
  CARRY = "CARRY",
  /** A base carried against one player alone; keyed as a carry, the scope that of the unit and `player=…`. */
  PLAYER_CARRY = "PLAYER_CARRY",
  /** What was carried into the tier window; keyed `<window>/<periods>`. */
  WINDOW_CARRY = "WINDOW_CARRY",
  /** The tier window's base so far. */
  WINDOW_BASE = "WINDOW_BASE",
  /** What was settled of the tier window so far. */
  WINDOW_SETTLED = "WINDOW_SETTLED",
  /** A fixed fee that the window was charged. */
  FEE_CHARGED = "FEE_CHARGED",
  /** What a cap has let through in its window so far. */
  CAP_USED = "CAP_USED",
  /** What a cap has taken off in its window so far. */
  CAP_OVER = "CAP_OVER",
  /** What was earned, guaranteed and settled in a cumulative guarantee's window so far. */
  GUARANTEE_EARNED = "GUARANTEE_EARNED",
  GUARANTEE_DUE = "GUARANTEE_DUE",
  GUARANTEE_SETTLED = "GUARANTEE_SETTLED",
  /** Instalments of a recoupable advance that fell due, and what was earned against them. */
  ADVANCE_INSTALMENTS = "ADVANCE_INSTALMENTS",
  ADVANCE_EARNED = "ADVANCE_EARNED",
  /** A tranche of the rolling reserve; the key is the number of statements until it is released. */
  RESERVE = "RESERVE",
  /** What credit was bought for and was not released yet; it is paid in money. */
  CREDIT_PRICE = "CREDIT_PRICE",
}

/** One number that persists between statements, in exact minor units. */
export interface StateItem {
  readonly name: StateName;
  /** What it belongs to: a part of the activity, a fee, a cap; empty for the whole. */
  readonly scope: string;
  /** A window or a number of periods; see the names. */
  readonly key: string;
  readonly value: Rational;
}

/** Everything that persists between statements. */
export type State = readonly StateItem[];

/** Which item, or items. */
export interface Which {
  readonly name: StateName;
  readonly scope: string;
  readonly key: string;
}

/** Before the key of a carry that was another unit's: it counts in a window that is open already. */
export const ADOPTED = "adopted/";

const CARRIES: ReadonlySet<StateName> = new Set([StateName.CARRY, StateName.PLAYER_CARRY]);

const UNIT_STATE: ReadonlySet<StateName> = new Set([
  ...[...CARRIES, StateName.WINDOW_CARRY, StateName.WINDOW_BASE, StateName.WINDOW_SETTLED],
]);

const STANDING: ReadonlySet<StateName> = new Set([...CARRIES, StateName.RESERVE, StateName.ADVANCE_INSTALMENTS]);

/** What is a player's alone in a unit of some scope. */
export function playerScope(unit: string, player: string): string {
  return [unit, `player=${player}`].filter((text) => text !== "").join("; ");
}

/** The scope of the unit that something belongs to, whether or not it is a player's alone. */
export function unitScope(scope: string): string {
  return scope.replace(/(?:^|; )player=\w+$/, "");
}

/** The number that was left; zero where none was. */
export function valueIn(state: State, { name, scope, key }: Which): Rational {
  return state
    .filter((item) => item.name === name && item.scope === scope && item.key === key)
    .reduce((sum, { value }) => sum.plus(value), Rational.ZERO);
}

/** The items of a name and scope. */
export function itemsIn(state: State, name: StateName, scope: string): State {
  return state.filter((item) => item.name === name && item.scope === scope);
}

/** Whether something of it needs a next statement, though nothing may happen: a carry, a reserve, an advance. */
export function standsAlone(state: State): boolean {
  return state.some(({ name }) => STANDING.has(name));
}

/** What persists of shares, in the scopes of their units. */
export function unitState(state: State): State {
  return state.filter(({ name }) => UNIT_STATE.has(name));
}

/** One item for each name, scope and key, none of them zero, in one order: the same numbers, the same text. */
export function tidyState(state: State): State {
  const items = new Map<string, StateItem>();
  for (const item of state) {
    const id = [item.name, item.scope, item.key].join("\n");
    items.set(id, { ...item, value: item.value.plus(items.get(id)?.value ?? Rational.ZERO) });
  }
  const inOrder = [...items].sort(([a], [b]) => (a < b ? -1 : 1));
  return inOrder.map(([, item]) => item).filter(({ value }) => !value.isZero);
}

/** What a statement states as carried: all that is carried, in all scopes. */
export function carriedIn(state: State): Rational {
  return state.filter(({ name }) => CARRIES.has(name)).reduce((sum, { value }) => sum.plus(value), Rational.ZERO);
}
