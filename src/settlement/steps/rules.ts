import { PeriodState } from "../../periods/entities.js";
import { RunStage } from "../settlement-runs/entities.js";

/** The stages of a period's settlement that are steps by themselves: each ends with a change in the database. */
export const STEPS = [RunStage.FENCE, RunStage.TERMS, RunStage.STATEMENT] as const;

/** One of them. */
export type Step = (typeof STEPS)[number];

const LEFT: Partial<Record<PeriodState, readonly Step[]>> = {
  [PeriodState.OPEN]: STEPS,
  [PeriodState.CLOSED]: [RunStage.TERMS, RunStage.STATEMENT],
  [PeriodState.CALCULATED]: [RunStage.STATEMENT],
};

/** What is left to do until a period has its statements, in order. */
export function stepsLeft({ state }: { readonly state: PeriodState }): readonly Step[] {
  return LEFT[state] ?? [];
}
