import type { Actor } from "../../kernel/actor.js";
import type { App } from "../../platform/app.js";
import { progressChannel } from "../simulating/service.js";
import { type Simulation, SimulationState } from "../simulations/entities.js";
import { simulationOf } from "../simulations/service.js";

/** How long a follower waits for a signal, which may be lost, before it looks by itself. */
const LOOK_MS = 1_000;

/**
 * A simulation as it stands now and whenever it has moved on, until it ends or the actor's token does. `NOT_FOUND` for
 * one that the actor may not see.
 */
export async function followSimulation(app: App, actor: Actor, id: string): Promise<AsyncIterableIterator<Simulation>> {
  await simulationOf(app, actor, id);
  const follower = new Follower(app, actor, id);
  const steps = follower.steps();
  const progress: AsyncIterableIterator<Simulation> = {
    next: () => steps.next(),
    return: async () => {
      follower.stop(); // ends a wait for the next step
      return steps.return(undefined);
    },
    throw: async (error) => {
      follower.stop();
      await steps.return(undefined);
      throw error;
    },
    [Symbol.asyncIterator]: () => progress,
  };
  return progress;
}

class Follower {
  #isStopped = false;
  #wake: () => void = () => undefined;

  constructor(
    readonly app: App,
    readonly actor: Actor,
    readonly id: string,
  ) {}

  stop(): void {
    this.#isStopped = true;
    this.#wake();
  }

  async *steps(): AsyncGenerator<Simulation, undefined> {
    const { app, actor, id } = this;
    const unlisten = app.signals.listen(progressChannel(id), () => this.#wake());
    try {
      for (let last = ""; !this.#isStopped && !this.#hasExpired; ) {
        const moved = this.#moved(); // before reading, so that nothing slips in between
        const simulation = await simulationOf(app, actor, id);
        const step = stepOf(simulation);
        if (step !== last) yield simulation;
        last = step;
        if (simulation.state !== SimulationState.RUNNING) return;
        await moved;
      }
    } finally {
      unlisten();
    }
  }

  get #hasExpired(): boolean {
    const { expiresAt } = this.actor;
    return expiresAt !== null && expiresAt <= this.app.clock.now();
  }

  #moved(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, LOOK_MS);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

function stepOf({ state, partnersDone, periodsDone }: Simulation): string {
  return `${state} ${partnersDone} ${periodsDone}`;
}
