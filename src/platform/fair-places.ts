/** How many work at once, and how many wait for that: strangers, and as many who are known. */
export interface Room {
  readonly atWorkMax: number;
  readonly waitingMax: number;
}

/** Who comes. */
export interface Comer {
  /** Whom he shares his turns with. */
  readonly lane: string;
  /** Whether he has shown that he was here before: no stranger takes his place, however many there are. */
  readonly isKnown: boolean;
}

/** Somebody who waits for his turn. */
interface Waiter {
  begin(): void;
  leave(): void;
}

/**
 * A few places for work that takes long, and two queues of a bounded length before them, one for strangers and one for
 * those who are known, which take turns. A queue is shared fairly by lanes: each lane has its turn in the round,
 * however many wait in the others. When it is full, a newcomer takes the place of the last one in the longest lane,
 * unless his own lane would then be as long.
 */
export class FairPlaces {
  #atWork = 0;
  readonly #known: Queue;
  readonly #strangers: Queue;
  #isKnownNext = true;

  constructor(readonly room: Room) {
    this.#known = new Queue(room.waitingMax);
    this.#strangers = new Queue(room.waitingMax);
  }

  /** Does the work in its lane's turn; throws what `refusal` makes where there is no room to wait. */
  async run<T>(comer: Comer, work: () => Promise<T>, refusal: () => Error): Promise<T> {
    await this.#turn(comer, refusal);
    try {
      return await work();
    } finally {
      this.#handOn();
    }
  }

  /** Waits for a place; whoever leaves one hands it on. */
  async #turn({ lane, isKnown }: Comer, refusal: () => Error): Promise<void> {
    if (this.#atWork < this.room.atWorkMax) {
      this.#atWork += 1;
      return;
    }
    const queue = isKnown ? this.#known : this.#strangers;
    if (!queue.hasRoom(lane)) throw refusal();
    await new Promise<void>((resolve, reject) => {
      queue.push(lane, { begin: resolve, leave: () => reject(refusal()) });
    });
  }

  #handOn(): void {
    const queues = [this.#known, this.#strangers];
    if (!this.#isKnownNext) queues.reverse();
    const queue = queues.find((each) => each.waiting > 0);
    if (queue === undefined) {
      this.#atWork -= 1;
      return;
    }
    this.#isKnownNext = queue !== this.#known;
    queue.shift()?.begin();
  }
}

/** Those who wait, by lanes in the order of their turns, none of them empty. */
class Queue {
  #waiting = 0;
  readonly #lanes = new Map<string, Waiter[]>();

  constructor(readonly waitingMax: number) {}

  get waiting(): number {
    return this.#waiting;
  }

  /** Whether there is room for one more of a lane, if need be for somebody of a longer lane gave way. */
  hasRoom(lane: string): boolean {
    return this.#waiting < this.waitingMax || this.#makeRoom(lane);
  }

  push(lane: string, waiter: Waiter): void {
    const waiters = this.#lanes.get(lane) ?? [];
    waiters.push(waiter);
    this.#lanes.set(lane, waiters);
    this.#waiting += 1;
  }

  /** Takes out whose turn it is; the rest of that lane goes behind all the others. */
  shift(): Waiter | undefined {
    const [next] = this.#lanes;
    if (next === undefined) return undefined;
    const [lane, waiters] = next;
    const first = waiters.shift();
    this.#lanes.delete(lane);
    if (waiters.length > 0) this.#lanes.set(lane, waiters);
    this.#waiting -= 1;
    return first;
  }

  #makeRoom(lane: string): boolean {
    const lanes = [...this.#lanes.values()];
    const longest = lanes.reduce((long, each) => (each.length > long.length ? each : long), lanes[0] ?? []);
    if (longest.length <= (this.#lanes.get(lane)?.length ?? 0) + 1) return false;
    this.#waiting -= 1;
    longest.pop()?.leave();
    return true;
  }
}
