/**
 * Work that goes in rounds: who comes while one is under way waits, and all who wait begin the next one together, so
 * that they share their statements. Nobody waits for a round that has lasted longer than the patience, in milliseconds.
 */
export class Rounds {
  #round = { inside: 0 };
  #waiting: ((leave: () => void) => void)[] = [];
  #patience: NodeJS.Timeout | undefined;

  constructor(readonly patienceMs: number) {}

  /** Waits for the next round, which begins at once where none is under way; answers what leaves it, once. */
  enter(): Promise<() => void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      if (this.#round.inside === 0) this.#begin();
    });
  }

  #begin(): void {
    clearTimeout(this.#patience);
    const all = this.#waiting;
    const round = { inside: all.length };
    [this.#round, this.#waiting] = [round, []];
    for (const begin of all) begin(this.#leaveOf(round));
    if (all.length > 0) this.#patience = setTimeout(() => this.#begin(), this.patienceMs).unref();
  }

  #leaveOf(round: { inside: number }): () => void {
    let isInside = true;
    return () => {
      if (!isInside) return;
      isInside = false;
      round.inside -= 1;
      if (round.inside === 0 && round === this.#round) this.#begin();
    };
  }
}
