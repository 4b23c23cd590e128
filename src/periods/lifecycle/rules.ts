import { PeriodState } from "../entities.js";

const { OPEN, CLOSED, CALCULATED, STATEMENT_ISSUED, DISPUTED, APPROVED, PAYABLE, PAID } = PeriodState;
const { CARRIED_FORWARD, ABORTED } = PeriodState;

/** Where a period, and from `STATEMENT_ISSUED` on a statement, may go from where it stands (domain 1). */
const NEXT: Readonly<Record<PeriodState, readonly PeriodState[]>> = {
  [OPEN]: [CLOSED, ABORTED],
  [CLOSED]: [CALCULATED, ABORTED],
  [CALCULATED]: [STATEMENT_ISSUED, ABORTED],
  [STATEMENT_ISSUED]: [DISPUTED, APPROVED, CARRIED_FORWARD],
  [DISPUTED]: [STATEMENT_ISSUED],
  [APPROVED]: [DISPUTED, PAYABLE],
  [PAYABLE]: [PAID],
  [PAID]: [PAYABLE],
  [CARRIED_FORWARD]: [],
  [ABORTED]: [],
};

/** The states that a statement has, in the order in which they hold a period back. */
const OF_STATEMENTS: readonly PeriodState[] = [
  ...[DISPUTED, STATEMENT_ISSUED, APPROVED, PAYABLE, PAID, CARRIED_FORWARD],
];

/** Whether one state may follow another. What was disputed is to be approved again; returned money is payable. */
export function isNextState(from: PeriodState, to: PeriodState): boolean {
  return NEXT[from].includes(to);
}

/** The states from which one may be reached in a step. */
export function statesBefore(to: PeriodState): readonly PeriodState[] {
  return Object.values(PeriodState).filter((from) => isNextState(from, to));
}

/**
 * Where a period stands whose statements stand there: with the one that is furthest back, where those that carry
 * forward hold nothing back. Null where a state is not one of a statement, and without any.
 */
export function stateOfStatements(states: readonly PeriodState[]): PeriodState | null {
  const ranks = states.map((state) => OF_STATEMENTS.indexOf(state));
  return OF_STATEMENTS[Math.min(...ranks)] ?? null;
}
