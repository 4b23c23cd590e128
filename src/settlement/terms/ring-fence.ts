import { groupBy } from "../../kernel/group.js";
import { Rational } from "../../kernel/rational.js";
import { type BasePart, baseOf } from "./base.js";
import { absorb, age, type Carried, carriedFrom, carriedState } from "./carry.js";
import type { CarryTerms, RingFence } from "./contract.js";
import { type ExactLine, type LineCode, workingLine } from "./lines.js";
import { endsCycle, type PeriodDays } from "./period.js";
import { playerScope, type State, StateName } from "./state.js";
import { amount, greatest, least, minus, negate, plus, type Working, whereAtLeast, ZERO } from "./working.js";

const POINTER = "/carryOver/ringFence";

/** What is fenced: a unit's activity, and what was carried in against players of it. */
export interface Fencing {
  readonly scope: string;
  readonly parts: readonly BasePart[];
  readonly carry: CarryTerms;
  readonly state: State;
  readonly period: PeriodDays;
}

/** What is left to be shared and carried ordinarily, and what is carried against each player alone. */
export interface Fenced {
  readonly before: readonly ExactLine[];
  readonly base: Working;
  readonly after: readonly ExactLine[];
  readonly state: State;
}

/**
 * The high-roller ring-fence (domain 7). A player with a carry absorbs own gains with it first. Where what is left of
 * the base is at most `aggregateAtMost`, the losses of players at most `playerAtMost` are carried against them alone,
 * together no more than the aggregate's: of who lost most first. Without the term nothing is fenced, and what was
 * carried against players lapses.
 */
export function fencePlayers(fencing: Fencing, base: Working): Fenced {
  const { scope, carry } = fencing;
  const { ringFence } = carry;
  const players = playersOf(fencing);
  if (players.length === 0) return { before: [], base, after: [], state: [] };
  if (ringFence === null) return { before: [], base, after: players.map(lapse), state: [] };
  const aggregate = workingLine("AGGREGATE", POINTER, afterOffsets(base, players), scope);
  const losses = players.map((player) => lossOf(player, aggregate.value, ringFence));
  const { lines: fenced, sum } = fenceLosses(losses, aggregate.value);
  const rest = minus(amount("aggregate", aggregate.value), amount("fenced", sum));
  const kept = workingLine("FENCED_BASE", POINTER, rest, scope);
  const outs = players.map((player) => carryOn(fencing, player, fenced));
  return {
    before: [...players.flatMap(({ lines }) => lines), aggregate, ...losses, ...fenced, kept],
    base: amount("fencedBase", kept.value),
    after: outs.flatMap(({ lines }) => lines),
    state: outs.flatMap(({ state }) => state),
  };
}

/** What is left of a base once players absorbed their own gains: what `aggregateAtMost` is held against. */
export function aggregateOf(fencing: Omit<Fencing, "period">, base: Working): Rational {
  return afterOffsets(base, playersOf(fencing)).value;
}

function afterOffsets(base: Working, players: readonly Player[]): Working {
  const offsets = players.flatMap(({ offset }) => offset ?? []);
  return offsets.reduce((rest, { value }, index) => minus(rest, amount(`offset${index + 1}`, value)), base);
}

/** A player that activity tells apart, or that something is carried against. */
interface Player {
  readonly scope: string;
  readonly base: Working;
  readonly carried: readonly Carried[];
  readonly carryIn: Working;
  /** What the player's own gain takes off the carry; null where nothing can be. */
  readonly offset: ExactLine | null;
  readonly lines: readonly ExactLine[];
}

function playersOf({ scope, parts, carry, state }: Omit<Fencing, "period">): readonly Player[] {
  const names = parts.flatMap(({ totals }) => totals.flatMap(({ player }) => player ?? []));
  const active = new Map([...new Set(names)].map((name) => [playerScope(scope, name), name]));
  const carries = groupBy(
    state.filter(({ name }) => name === StateName.PLAYER_CARRY),
    (item) => item.scope,
  );
  return [...new Set([...active.keys(), ...carries.keys()])].sort().map((each) => {
    const name = active.get(each);
    const own = parts.map((part) => ({ ...part, totals: part.totals.filter(({ player }) => player === name) }));
    const acted = name === undefined ? [] : own.filter(({ totals }) => totals.length > 0);
    return playerOf(each, acted, carriedFrom(carries.get(each) ?? [], carry));
  });
}

function playerOf(scope: string, parts: readonly BasePart[], carried: readonly Carried[]): Player {
  const based = parts.length === 0 ? { base: ZERO, lines: [] } : baseOf(parts, scope);
  const base = parts.length === 0 ? ZERO : amount("playerBase", based.base.value);
  const baseLines = based.lines.map((line) => (line.code === "BASE" ? { ...line, code: PLAYER_BASE } : line));
  const value = carried.reduce((sum, entry) => sum.plus(entry.value), Rational.ZERO);
  const carryIn = value.isZero ? ZERO : amount("playerCarryIn", value);
  const line = (code: LineCode, working: Working) => workingLine(code, POINTER, working, scope);
  const taken = least(negate(carryIn), greatest(base, ZERO));
  const isLeft = carryIn === ZERO || (base === ZERO && value.isNegative);
  const offset = isLeft ? null : line("PLAYER_OFFSET", taken);
  const carryLines = carryIn === ZERO ? [] : [line("PLAYER_CARRY_IN", carryIn)];
  return {
    scope,
    base,
    carried,
    carryIn,
    offset,
    lines: [...baseLines, ...carryLines, ...(offset === null ? [] : [offset])],
  };
}

const PLAYER_BASE: LineCode = "PLAYER_BASE";

/** What a player lost, where that and the aggregate are beyond their bounds; else nothing. */
function lossOf({ scope, base, offset }: Player, aggregate: Rational, { playerAtMost, aggregateAtMost }: RingFence) {
  const own = offset === null ? base : minus(base, amount("playerOffset", offset.value));
  const beyond = greatest(
    minus(own, amount("playerAtMost", playerAtMost)),
    minus(amount("aggregate", aggregate), amount("aggregateAtMost", aggregateAtMost)),
  );
  return workingLine("PLAYER_LOSS", POINTER, whereAtLeast(ZERO, beyond, own), scope);
}

/** Of each loss as much as the aggregate's has left, the greatest first. */
function fenceLosses(losses: readonly ExactLine[], aggregate: Rational) {
  const greatestFirst = losses.filter(({ value }) => value.isNegative).sort((a, b) => a.value.compare(b.value));
  let sum = Rational.ZERO;
  const lines = greatestFirst.map(({ scope, value }) => {
    const left = minus(amount("aggregate", aggregate), amount("fencedBefore", sum));
    const line = workingLine("PLAYER_FENCED", POINTER, greatest(amount("playerLoss", value), left), scope);
    sum = sum.plus(line.value);
    return line;
  });
  return { lines, sum };
}

/** What stays carried against a player: what is not taken off yet, less what expires, and what is fenced now. */
function carryOn(fencing: Fencing, { scope, carried, carryIn, offset }: Player, fenced: readonly ExactLine[]) {
  const own = fenced.find((line) => line.scope === scope)?.value ?? Rational.ZERO;
  const kept = carryIn.value.isNegative ? absorb(carried, offset?.value ?? Rational.ZERO) : [];
  const { expired, out } = age(fencing.carry, { own, entries: kept, isAging: endsCycle(fencing.period) });
  const left = offset === null ? carryIn : plus(carryIn, amount("playerOffset", offset.value));
  const stays = expired.value.isZero ? left : minus(left, amount("playerExpired", expired.value));
  const carryOut = own.isZero ? stays : plus(stays, amount("playerFenced", own));
  const lines = [
    ...(expired.value.isZero ? [] : [expiry(scope, amount("playerExpired", expired.value))]),
    workingLine("PLAYER_CARRY_OUT", POINTER, carryOut, scope),
  ];
  return { lines, state: carriedState(out, StateName.PLAYER_CARRY, scope) };
}

function lapse({ scope, carryIn }: Player): ExactLine {
  return expiry(scope, carryIn);
}

function expiry(scope: string, working: Working): ExactLine {
  return workingLine("PLAYER_EXPIRED", "/carryOver", working, scope);
}
