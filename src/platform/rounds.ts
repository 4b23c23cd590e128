/** How long others are waited for, in milliseconds. */
export interface RoundLimits {
  /** Before a round, where more than two are about: those who are about to come. */
  readonly lingerMs: number;
  /** While a round is under way; one that lasts longer is not waited for. */
  readonly patienceMs: number;
}

/**
 * Work that goes in rounds: who comes while one is under way waits, and all who wait begin the next one together, so
 * that they share their statements. Where one or two are about, a round begins as soon as the last one is over.
 */
export class Rounds {
  #round = { size: 0, inside: 0 };
  #waiting: ((leave: () => void) => void)[] = [];
  #lingering: NodeJS.Timeout | undefined;
  #patience: NodeJS.Timeout | undefined;

  constructor(readonly limits: RoundLimits) {}

  /** Waits for the next round; answers what leaves it, once. */
  enter(): Promise<() => void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      if (this.#round.inside > 0) return;
      if (this.#round.size > 2) this.#linger();
      else this.#begin();
    });
  }

  #linger(): void {
    this.#lingering ??= setTimeout(() => this.#begin(), this.limits.lingerMs);
  }

  #begin(): void {
    clearTimeout(this.#lingering);
    clearTimeout(this.#patience);
    this.#lingering = undefined;
    const all = this.#waiting;
    const round = { size: all.length, inside: all.length };
    [this.#round, this.#waiting] = [round, []];
    for (const begin of all) begin(this.#leaveOf(round));
    if (all.length > 0) this.#patience = setTimeout(() => this.#begin(), this.limits.patienceMs).unref();
  }

  #leaveOf(round: { readonly size: number; inside: number }): () => void {
    let isInside = true;
    return () => {
      if (!isInside) return;
      isInside = false;
      round.inside -= 1;
      if (round.inside > 0 || round !== this.#round || this.#waiting.length === 0) return;
      if (round.size + this.#waiting.length > 2) this.#linger();
      else this.#begin();
    };
  }
}
