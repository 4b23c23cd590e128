/** How many work at once, and how many wait for that. */
export interface Room {
  readonly atWorkMax: number;
  readonly waitingMax: number;
}

/** Somebody who waits for his turn. */
interface Waiter {
  begin(): void;
  leave(): void;
}

/**
 * A few places for work that takes long, and a queue of a bounded length before them, shared fairly by lanes: each lane
 * has its turn in the round, however many wait in the others. When the queue is full, a newcomer takes the place of the
 * last one in the longest lane, unless its own lane would then be as long.
 */
export class FairPlaces {
  #atWork = 0;
  #waiting = 0;
  /** In the order of their turns; none of them empty. */
  readonly #lanes = new Map<string, Waiter[]>();

  constructor(readonly room: Room) {}

  /** Does the work in its lane's turn; throws what `refusal` makes where there is no room to wait. */
  async run<T>(lane: string, work: () => Promise<T>, refusal: () => Error): Promise<T> {
    await this.#turn(lane, refusal);
    try {
      return await work();
    } finally {
      this.#handOn();
    }
  }

  /** Waits for a place; whoever leaves one hands it on. */
  async #turn(lane: string, refusal: () => Error): Promise<void> {
    if (this.#atWork < this.room.atWorkMax) {
      this.#atWork += 1;
      return;
    }
    if (this.#waiting >= this.room.waitingMax && !this.#makeRoom(lane)) throw refusal();
    await new Promise<void>((resolve, reject) => {
      const waiters = this.#lanes.get(lane) ?? [];
      waiters.push({ begin: resolve, leave: () => reject(refusal()) });
      this.#lanes.set(lane, waiters);
      this.#waiting += 1;
    });
  }

  #handOn(): void {
    const [next] = this.#lanes;
    if (next === undefined) {
      this.#atWork -= 1;
      return;
    }
    const [lane, waiters] = next;
    const first = waiters.shift();
    this.#lanes.delete(lane);
    if (waiters.length > 0) this.#lanes.set(lane, waiters); // behind all the others
    this.#waiting -= 1;
    first?.begin();
  }

  /** Whether somebody of a longer lane gave way. */
  #makeRoom(lane: string): boolean {
    const lanes = [...this.#lanes.values()];
    const longest = lanes.reduce((long, each) => (each.length > long.length ? each : long), lanes[0] ?? []);
    if (longest.length <= (this.#lanes.get(lane)?.length ?? 0) + 1) return false;
    this.#waiting -= 1;
    longest.pop()?.leave();
    return true;
  }
}
