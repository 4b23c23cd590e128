import { setTimeout as sleep } from "node:timers/promises";
import { Random } from "../../src/server/demo/random.js";
import { type Place, periods } from "../settlement/place.js";
import { Caller } from "./caller.js";
import { DAYS_BEFORE, type World } from "./world.js";

const RETRY_MS = 300;
const CLOSE = `mutation ($input: ClosePeriodInput!) {
  closePeriod(input: $input) { period { id state statements { id } } }
}`;

/**
 * Closes the days before today of every partner, in order, as the tenant does over the API, while batches come; each
 * close is repeated under its key until it is answered.
 */
export class Closer {
  /** Periods whose close was answered, and the partner they are of. */
  readonly closed: { readonly place: Place; readonly periodId: string }[] = [];
  /** Refusals, of which there should be none. */
  readonly complaints: string[] = [];
  readonly #caller: Caller;
  #isStopping = false;
  #running: Promise<void> = Promise.resolve();

  constructor(
    readonly world: World,
    readonly seed: number,
  ) {
    this.#caller = new Caller(world);
  }

  /** Every partner's days are known before the first fault. */
  async start(pauseMsMax: number): Promise<void> {
    const due: { place: Place; periodId: string; at: number }[] = [];
    for (const place of this.world.places) {
      const own = (await periods(this.world.app, place)).slice(0, DAYS_BEFORE);
      for (const [index, { id }] of own.entries()) due.push({ place, periodId: id, at: index });
    }
    due.sort((left, right) => left.at - right.at);
    this.#running = this.#run(due, pauseMsMax);
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#running;
  }

  async #run(due: readonly { place: Place; periodId: string }[], pauseMsMax: number): Promise<void> {
    const random = Random.of("closer", this.seed);
    for (const { place, periodId } of due) {
      await sleep(random.between(0, pauseMsMax));
      if (this.#isStopping) return;
      await this.#close(place, periodId);
    }
  }

  async #close(place: Place, periodId: string): Promise<void> {
    const tenant = this.world.tenants.get(place);
    if (tenant === undefined) throw new Error("every place has a tenant's client");
    for (;;) {
      const input = { periodId, idempotencyKey: `close-${periodId}` };
      const answer = await this.#caller.ask(tenant, CLOSE, { input });
      if (answer.kind === "lost") {
        await sleep(RETRY_MS);
        continue;
      }
      if (answer.kind === "refused") this.complaints.push(`closing ${periodId}: ${answer.code}`);
      else this.closed.push({ place, periodId });
      return;
    }
  }
}
