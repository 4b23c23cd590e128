import { setTimeout as sleep } from "node:timers/promises";
import { present } from "../../src/kernel/assert.js";
import { groupBy } from "../../src/kernel/group.js";
import { Random } from "../../src/server/demo/random.js";
import { type Place, periods } from "../settlement/place.js";
import type { SeededClient } from "../support/seeds.js";
import { Caller } from "./caller.js";
import { DAYS_BEFORE, type World } from "./world.js";

const RETRY_MS = 300;
const CLOSE = `mutation ($input: ClosePeriodInput!) {
  closePeriod(input: $input) { period { id state statements { id } } }
}`;
const START = "mutation ($input: StartSettlementRunInput!) { startSettlementRun(input: $input) { run { id } } }";
const RUN = "query ($id: ID!) { settlementRun(id: $id) { state partners { edges { node { state code reason } } } } }";

/** The periods of one day. */
type Day = readonly { readonly place: Place; readonly periodId: string; readonly endsAt: Date }[];

/**
 * Closes the days before today of every partner, in order, as the tenant does over the API, while batches come: one day
 * period by period, the next by a run of all its partners. What is asked is repeated under its key until it is
 * answered.
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
    const own = await Promise.all(this.world.places.map((place) => periods(this.world.app, place)));
    const days: Day[] = Array.from({ length: DAYS_BEFORE }, (_, index) =>
      this.world.places.flatMap((place, at) => {
        const period = own[at]?.[index];
        return period === undefined ? [] : [{ place, periodId: period.id, endsAt: period.endsAt }];
      }),
    );
    this.#running = this.#run(days, pauseMsMax);
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#running;
  }

  async #run(days: readonly Day[], pauseMsMax: number): Promise<void> {
    const random = Random.of("closer", this.seed);
    for (const [index, day] of days.entries()) {
      const steps = index % 2 === 0 ? day.map((each) => () => this.#close(each)) : this.#runsOf(day);
      for (const step of steps) {
        await sleep(random.between(0, pauseMsMax));
        if (this.#isStopping) return;
        await step();
      }
    }
  }

  async #close({ place, periodId }: Day[number]): Promise<void> {
    const tenant = this.#tenantOf(place);
    const answer = await this.#askUntilAnswered(tenant, CLOSE, {
      input: { periodId, idempotencyKey: `close-${periodId}` },
    });
    if (answer.kind === "refused") this.complaints.push(`closing ${periodId}: ${answer.code}`);
    else this.closed.push({ place, periodId });
  }

  /** A run of each tenant for its partners' periods of a day. */
  #runsOf(day: Day): (() => Promise<void>)[] {
    return [...groupBy(day, ({ place }) => place.tenant.id).values()].map((own) => () => this.#settle(own));
  }

  async #settle(day: Day): Promise<void> {
    const { place, periodId, endsAt } = present(day[0], "a period");
    const tenant = this.#tenantOf(place);
    const partnerIds = day.map(({ place }) => place.partner.id);
    const input = { partnerIds, through: endsAt.toISOString(), idempotencyKey: `settle-${periodId}` };
    const started = await this.#askUntilAnswered(tenant, START, { input });
    if (started.kind === "refused") return void this.complaints.push(`settling ${periodId}: ${started.code}`);
    const { id } = started.data.startSettlementRun.run;
    for (;;) {
      const seen = await this.#askUntilAnswered(tenant, RUN, { id });
      if (seen.kind === "refused") return void this.complaints.push(`looking at ${id}: ${seen.code}`);
      const { state, partners } = seen.data.settlementRun;
      if (state === "SUCCEEDED") return void this.closed.push(...day);
      if (state !== "RUNNING") return void this.complaints.push(`${id} ${state}: ${JSON.stringify(partners)}`);
      await sleep(RETRY_MS);
    }
  }

  async #askUntilAnswered(tenant: SeededClient, query: string, variables: Readonly<Record<string, unknown>>) {
    for (;;) {
      const answer = await this.#caller.ask(tenant, query, variables);
      if (answer.kind !== "lost") return answer;
      await sleep(RETRY_MS);
    }
  }

  #tenantOf(place: Place): SeededClient {
    const tenant = this.world.tenants.get(place);
    if (tenant === undefined) throw new Error("every place has a tenant's client");
    return tenant;
  }
}
