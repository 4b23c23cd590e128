import { PeriodState } from "../../periods/entities.js";

/** Why what was posted into a period may not be removed yet. */
export enum Hold {
  TOO_YOUNG = "TOO_YOUNG",
  NOT_SETTLED = "NOT_SETTLED",
  NOT_PAID = "NOT_PAID",
  DISPUTABLE = "DISPUTABLE",
  DISPUTED = "DISPUTED",
  RESERVE_HELD = "RESERVE_HELD",
  CREDIT_OPEN = "CREDIT_OPEN",
}

/** How a period stands, as far as removing from it goes. */
export interface PeriodStanding {
  readonly state: PeriodState;
  readonly endsAt: Date;
  /** The last instant at which a statement of it may be disputed; null where it has none. */
  readonly disputableUntil: Date | null;
  /** Disputes of it that nobody decided, or whose adjustment is not settled and paid itself. */
  readonly openDisputes: number;
  /** Statements of the same currency still to come until the last of its reserve is released. */
  readonly reserveLeft: number;
  /** Lots of prepaid credit bought in it of which something is left. */
  readonly openLots: number;
}

const UNSETTLED: ReadonlySet<PeriodState> = new Set([PeriodState.OPEN, PeriodState.CLOSED, PeriodState.CALCULATED]);
const DONE: ReadonlySet<PeriodState> = new Set([PeriodState.PAID, PeriodState.CARRIED_FORWARD, PeriodState.ABORTED]);

/** Why a period holds its batches back, the weightiest reason first; null where they may leave. */
export function holdOf(period: PeriodStanding, { now, endedBy }: { readonly now: Date; readonly endedBy: Date }) {
  const { state, endsAt, disputableUntil, openDisputes, reserveLeft, openLots } = period;
  if (UNSETTLED.has(state)) return Hold.NOT_SETTLED;
  if (endsAt > endedBy) return Hold.TOO_YOUNG;
  if (openDisputes > 0) return Hold.DISPUTED;
  if (!DONE.has(state)) return Hold.NOT_PAID;
  if (disputableUntil !== null && disputableUntil > now) return Hold.DISPUTABLE;
  if (reserveLeft > 0) return Hold.RESERVE_HELD;
  return openLots > 0 ? Hold.CREDIT_OPEN : null;
}
