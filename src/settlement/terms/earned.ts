import { Rational } from "../../kernel/rational.js";
import type { KindTotal } from "./activity.js";
import { settleAdvance } from "./advance.js";
import { baseOf } from "./base.js";
import { applyCap } from "./caps.js";
import { type Contract, GuaranteeKind, type Override } from "./contract.js";
import { chargeFees } from "./fees.js";
import { topUp } from "./guarantee.js";
import type { ExactLine, MoneyLine } from "./lines.js";
import type { PeriodDays } from "./period.js";
import { fencePlayers } from "./ring-fence.js";
import { shareOf } from "./share.js";
import { type State, unitScope } from "./state.js";
import { adoptCarries, matchText, unitsOf } from "./units.js";

/** What earning is computed from. */
export interface Earning {
  readonly contract: Contract;
  readonly totals: readonly KindTotal[];
  readonly state: State;
  readonly period: PeriodDays;
}

/** What a group came to once its lines were rounded. */
export interface SettledGroup {
  /** The override that it is the group of, in words; empty for the rest. */
  readonly scope: string;
  readonly amountMinor: bigint;
  readonly advance: readonly MoneyLine[];
  readonly state: State;
}

/** Shares, fees, caps and top-ups, exactly; those in the section EARNED are still to be rounded. */
export interface Earned {
  readonly base: Rational;
  readonly lines: readonly ExactLine[];
  readonly groupsAfter: (
    amountOf: (line: ExactLine) => bigint,
    lateMinorOf: (scope: string) => bigint,
  ) => readonly SettledGroup[];
}

type Settle = (amountOf: (line: ExactLine) => bigint, lateMinorOf: (scope: string) => bigint) => SettledGroup;

/** An earned line, whose it is, and what persists of it. */
interface Piece {
  readonly owner: Override | null;
  readonly before: readonly ExactLine[];
  readonly money: ExactLine | null;
  readonly after: readonly ExactLine[];
  readonly isShare: boolean;
  readonly stateAfter: (minor: bigint) => State;
}

/**
 * What a period earns: the share of each unit, fees, then caps and the guarantee, first of the overrides that have
 * such of their own, and of everything else together.
 */
export function earn(earning: Earning): Earned {
  const { base, shares } = sharesOf(earning);
  const fees = chargeFees(earning).map(({ line, owner, state }): Piece => {
    return { owner, before: [], money: line, after: [], isShare: false, stateAfter: () => state };
  });
  const pieces = [...shares, ...fees];
  const owners = [...earning.contract.overrides.filter(isGroup), null];
  const groups = owners.map((owner) => {
    const own = pieces.filter((piece) => (piece.owner !== null && isGroup(piece.owner) ? piece.owner : null) === owner);
    return groupOf(earning, owner, own);
  });
  const inOrder = pieces.flatMap(({ before, money, after }) => [
    ...before,
    ...(money === null ? [] : [money]),
    ...after,
  ]);
  return {
    base,
    lines: [...inOrder, ...groups.flatMap(({ lines }) => lines)],
    groupsAfter: (amountOf, lateMinorOf) => groups.map(({ settle }) => settle(amountOf, lateMinorOf)),
  };
}

function isGroup({ caps, guarantee }: Override): boolean {
  return caps !== null || guarantee !== null;
}

function sharesOf({ contract, totals, state, period }: Earning): {
  readonly base: Rational;
  readonly shares: readonly Piece[];
} {
  const units = unitsOf(contract, totals, state);
  const kept = adoptCarries(state, units);
  const based = units.map((unit) => ({ ...unit, ...baseOf(unit.parts, unit.scope) }));
  const shares = based.map(({ scope, share, override, parts, base, lines }): Piece => {
    const { carry } = contract;
    const own = kept.filter((item) => unitScope(item.scope) === scope);
    const fenced = fencePlayers({ scope, parts, carry, state: own, period }, base);
    const shared = shareOf({ scope, share, carry, state: kept, period }, fenced.base);
    const before = [...lines, ...fenced.before, ...shared.before];
    const after = [...fenced.after, ...shared.after];
    const stateAfter = (minor: bigint) => [...fenced.state, ...shared.stateAfter(minor)];
    return { owner: override, before, money: shared.share, after, isShare: true, stateAfter };
  });
  return { base: sumOf(based.map(({ base }) => base)), shares };
}

/** Caps and guarantee over some pieces, and what persists of all of them. */
function groupOf({ contract, state, period }: Earning, owner: Override | null, pieces: readonly Piece[]) {
  const scope = owner === null ? "" : matchText(owner.match);
  const guarantee = owner === null ? contract.guarantee : owner.guarantee;
  const money = pieces.flatMap((piece) => piece.money ?? []);
  const share = sumOf(pieces.flatMap((piece) => (piece.isShare ? (piece.money ?? []) : [])));
  const caps = ((owner === null ? contract.caps : owner.caps) ?? []).reduce<ReturnType<typeof applyCap>[]>(
    (before, cap) => {
      const earned = sumOf([...money, ...before.flatMap(({ line }) => line ?? [])]);
      return before.concat(applyCap(cap, { share, earned, state, period, scope }));
    },
    [],
  );
  const capLines = caps.flatMap(({ line }) => line ?? []);
  const earned = sumOf([...money, ...capLines]);
  const isToppedUp = guarantee !== null && guarantee.kind !== GuaranteeKind.RECOUPABLE_ADVANCE;
  const added = isToppedUp ? topUp(guarantee, { earned, state, period, scope }) : null;
  const earning = [...money, ...capLines, ...(added === null ? [] : [added.topUp])];
  const settle: Settle = (amountOf, lateMinorOf) => {
    const amountMinor = earning.reduce((sum, line) => sum + amountOf(line), 0n);
    const earnedMinor = amountMinor + lateMinorOf(scope);
    const advance = settleAdvance(guarantee, { earnedMinor, state, period, scope });
    const persisted = pieces.flatMap((piece) => piece.stateAfter(piece.money === null ? 0n : amountOf(piece.money)));
    return {
      ...{ scope, amountMinor },
      advance: advance.line === null ? [] : [advance.line],
      state: [
        ...persisted,
        ...caps.flatMap((cap) => cap.state),
        ...(added?.stateAfter(Rational.of(amountMinor)) ?? []),
        ...advance.state,
      ],
    };
  };
  return { lines: [...capLines, ...(added === null ? [] : [...added.lines, added.topUp])], settle };
}

function sumOf(values: readonly { readonly value: Rational }[]): Rational {
  return values.reduce((sum, { value }) => sum.plus(value), Rational.ZERO);
}
