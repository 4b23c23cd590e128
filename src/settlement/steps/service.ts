import type { Actor } from "../../kernel/actor.js";
import { assert } from "../../kernel/assert.js";
import type { SettlementPeriod } from "../../periods/entities.js";
import type { App } from "../../platform/app.js";
import type { Partner } from "../../tenancy/entities.js";
import { fenceOpen } from "../fencing/service.js";
import { type AtStage, calculateStatements, issueStatements } from "../issuing/service.js";
import { setOffDebts } from "../netting/service.js";
import { RunStage } from "../settlement-runs/entities.js";
import { type Step, stepsLeft } from "./rules.js";

/** A step of a period's settlement. */
export interface StepOfPeriod {
  readonly partner: Partner;
  /** As it stands now. */
  readonly period: SettlementPeriod;
  readonly step: Step;
  /** What was accepted by then is posted before the fence, and what falls due later is not fenced. */
  readonly startedAt: () => Promise<Date>;
}

type TakeStep = (app: App, actor: Actor, at: StepOfPeriod, atStage: AtStage) => Promise<void>;

const TAKE: Readonly<Record<Step, TakeStep>> = {
  async FENCE(app, actor, { partner, period, startedAt }, atStage) {
    await atStage(RunStage.FENCE);
    await fenceOpen(app, { actor, partner, startedAt: await startedAt() }, period);
  },
  TERMS: (app, actor, { partner, period }, atStage) => calculateStatements(app, actor, partner, period, atStage),
  STATEMENT: (app, actor, { partner, period }, atStage) =>
    issueStatements(app, actor, partner, period, async (stage) => {
      if (stage === RunStage.STATEMENT) await atStage(stage); // what it calculates anew was told of before
    }),
};

/**
 * Takes one step of a period's settlement, by itself: what it needs it reads from the database, and one that was taken
 * before is not taken again. Every stage is told before it begins; what the telling throws stops it there.
 */
export async function takeStep(app: App, actor: Actor, at: StepOfPeriod, atStage: AtStage): Promise<void> {
  const { partner, period, step } = at;
  const left = stepsLeft(period);
  if (left.includes(step)) {
    assert(left[0] === step, `the steps of ${period.id} before ${step}`);
    const began = performance.now();
    await TAKE[step](app, actor, at, atStage);
    app.metrics.time("settlement_step", (performance.now() - began) / 1_000, { step });
  }
  if (step === RunStage.STATEMENT) await setOffDebts(app, actor, partner);
}
