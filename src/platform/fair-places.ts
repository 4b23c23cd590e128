/** How many work at once, and how many wait for that: strangers, and as many who are known. */
export interface Room {
  readonly atWorkMax: number;
  readonly waitingMax: number;
}

/** Who comes. */
export interface Comer {
  /** Whom he shares his turns with, and with which of these he shares theirs, and so on. */
  readonly lanes: readonly string[];
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
 * those who are known, which take turns. A queue is shared fairly by lanes, and each of these by lanes of its own: each
 * has its turn in the round, however many wait in the others. When it is full, a newcomer takes the place of the last
 * one in the longest lane, unless his own would then be as long; then that of one in a longer lane within his own.
 */
export class FairPlaces {
  #atWork = 0;
  readonly #known = new Queue();
  readonly #strangers = new Queue();
  #isKnownNext = true;

  constructor(readonly room: Room) {}

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
  async #turn({ lanes, isKnown }: Comer, refusal: () => Error): Promise<void> {
    if (this.#atWork < this.room.atWorkMax) {
      this.#atWork += 1;
      return;
    }
    const queue = isKnown ? this.#known : this.#strangers;
    if (queue.waiting >= this.room.waitingMax && !queue.makeRoom(lanes)) throw refusal();
    await new Promise<void>((resolve, reject) => {
      queue.push(lanes, { begin: resolve, leave: () => reject(refusal()) });
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

/** Those who wait: one behind the other where the lanes end, before that by lanes in the order of their turns. */
class Queue {
  #waiting = 0;
  readonly #waiters: Waiter[] = [];
  readonly #lanes = new Map<string, Queue>();

  get waiting(): number {
    return this.#waiting;
  }

  push([lane, ...inner]: readonly string[], waiter: Waiter): void {
    this.#waiting += 1;
    if (lane === undefined) {
      this.#waiters.push(waiter);
      return;
    }
    const queue = this.#lanes.get(lane) ?? new Queue();
    queue.push(inner, waiter);
    this.#lanes.set(lane, queue);
  }

  /** Takes out whose turn it is; the rest of that lane goes behind all the others. */
  shift(): Waiter | undefined {
    if (this.#waiting === 0) return undefined;
    this.#waiting -= 1;
    const [next] = this.#lanes;
    if (next === undefined) return this.#waiters.shift();
    const [lane, queue] = next;
    const first = queue.shift();
    this.#lanes.delete(lane);
    if (queue.waiting > 0) this.#lanes.set(lane, queue);
    return first;
  }

  /** Makes room for one more of these lanes, where one is longer than his would be: its last one leaves. */
  makeRoom([lane, ...inner]: readonly string[]): boolean {
    const longest = this.#longest();
    if (lane === undefined || longest === undefined) return false;
    const own = this.#lanes.get(lane);
    if (longest[1].waiting > (own?.waiting ?? 0) + 1) {
      this.#pop()?.leave();
      return true;
    }
    if (own?.makeRoom(inner) !== true) return false;
    this.#waiting -= 1;
    return true;
  }

  /** Takes out the last one of the longest lane. */
  #pop(): Waiter | undefined {
    this.#waiting -= 1;
    const longest = this.#longest();
    if (longest === undefined) return this.#waiters.pop();
    const [lane, queue] = longest;
    const last = queue.#pop();
    if (queue.waiting === 0) this.#lanes.delete(lane);
    return last;
  }

  #longest(): readonly [string, Queue] | undefined {
    const [first, ...rest] = this.#lanes;
    if (first === undefined) return undefined;
    return rest.reduce((longest, each) => (each[1].waiting >= longest[1].waiting ? each : longest), first);
  }
}
