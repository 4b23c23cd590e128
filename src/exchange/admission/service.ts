import type { Actor } from "../../kernel/actor.js";
import { present } from "../../kernel/assert.js";
import { BoundedMap } from "../../kernel/bounded-map.js";
import type { CodedError } from "../../kernel/errors.js";
import type { App } from "../../platform/app.js";
import { perApp } from "../../platform/per-app.js";
import type { Partner } from "../../tenancy/entities.js";
import { partnerOf } from "../../tenancy/service.js";
import { type Batch, BatchState } from "../entities.js";
import { exchangeError } from "../errors.js";
import { Pace } from "../pacing/service.js";
import {
  type Amount,
  EVERYBODY,
  type Fullness,
  fullnessOf,
  intakeFullness,
  keyOf,
  nextTurn,
  type Owner,
  Tally,
  type Waiting,
  type WaitingRow,
} from "./rules.js";

/** How old what is known of the backlog may become before it is read anew, beside the work. */
const FRESH_MS = 300;
/** How old it may be to decide by it; after a pause in the traffic the first batch waits for the reading. */
const KNOWN_MS_MAX = 3_000;
const TURNS_KEPT_MAX = 10_000;

/** What a submission came to, as far as the backlog is concerned. */
interface Submitted {
  readonly batch: Batch;
  readonly replayed: boolean;
}

/**
 * Runs a submission if its batch may wait for posting: refused with `RATE_LIMITED` and `retryAfterMs` before anything
 * of it is read, when too much waits already or this process has too much at work. What is known of the backlog is at
 * most seconds old; what this process took in since is counted on top, so that no burst slips through in between. Where
 * the partner is behind, it is begun a little later, so that what was accepted is posted first.
 */
export async function admitted<T extends Submitted>(
  app: App,
  actor: Actor,
  jws: string,
  submission: () => Promise<T>,
): Promise<T> {
  const gate = gateOf(app);
  const owner = await ownerOf(app, actor);
  const leave = await gate.enter(owner, { batches: 1, bytes: jws.length });
  try {
    await gate.pace(owner);
    const submitted = await submission();
    if (!submitted.replayed && submitted.batch.state === BatchState.ACCEPTED) gate.stored(submitted.batch);
    return submitted;
  } finally {
    leave();
  }
}

/**
 * Refuses a batch that a tenant signed for a partner of whom too much waits, and holds it up where that partner is
 * behind; for a partner's own that was done before.
 */
export async function refuseIfPartnerFull(
  app: App,
  { partnerId }: Actor,
  { tenantNo, no: partnerNo }: Partner,
): Promise<void> {
  if (partnerId !== null) return;
  const gate = gateOf(app);
  await gate.ask({ tenantNo, partnerNo });
  await gate.pace({ tenantNo, partnerNo });
}

/**
 * Lets a request in whose body is so large that it must be a batch, or refuses it (`RATE_LIMITED`) before the body is
 * read. Answers what gives its place back, to be called once the answer is out.
 */
export async function admitRequest(app: App, actor: Actor, bytes: number): Promise<() => void> {
  const gate = gateOf(app);
  const owner = await ownerOf(app, actor);
  return gate.receive(owner, bytes);
}

/** What this process has at work: batches being accepted, and bytes of large requests. */
export function intakeOf(app: App): Amount {
  return gateOf(app).intake();
}

/** What is not posted of a state. */
export interface StateBacklog extends Waiting {
  readonly state: BatchState;
}

/** What waits, and what is set aside, by state; no more of each is counted than `COUNTED_MAX`. */
export async function backlogForAllTenants(app: App): Promise<StateBacklog[]> {
  return Promise.all(UNPOSTED.map((state) => stateBacklogForAllTenants(app, state)));
}

const UNPOSTED = [BatchState.ACCEPTED, BatchState.PARKED, BatchState.QUARANTINED];
const COUNTED_MAX = 100_000;

async function stateBacklogForAllTenants(app: App, state: BatchState): Promise<StateBacklog> {
  const condition = state === BatchState.PARKED ? "and removed_at is null" : ""; // the others are of the index alone
  const [row]: { batches: string; bytes: string | null; oldest: Date | null }[] = await app.database.query(
    `/* all tenants */ select count(*) as batches, sum(payload_bytes) as bytes, min(accepted_at) as oldest
     from (select payload_bytes, accepted_at from batch where state = ? ${condition} limit ?) as waiting`,
    [state, COUNTED_MAX],
  );
  const { batches, bytes, oldest } = present(row, "a sum");
  const oldestMs = oldest === null ? 0 : Math.max(app.clock.now().getTime() - oldest.getTime(), 0);
  return { state, batches: Number(batches), bytes: Number(bytes ?? 0), oldestMs };
}

const gateOf = perApp((app) => new Gate(app));

async function ownerOf(app: App, actor: Actor): Promise<Owner> {
  const { tenantNo, partnerId } = actor;
  return { tenantNo, partnerNo: partnerId === null ? 0 : (await partnerOf(app, actor, partnerId)).no };
}

/**
 * What waits, by partner, and the number of the batch accepted last; reads an index alone, and never more of it than
 * may wait in all.
 */
async function readBacklogForAllTenants(app: App): Promise<(WaitingRow & { readonly accepted: number })[]> {
  const rows: (Owner & Record<"batches" | "bytes" | "accepted", string> & { oldest: Date })[] =
    await app.database.query(
      `/* all tenants */ select tenant_no as tenantNo, partner_no as partnerNo, count(*) as batches,
       sum(payload_bytes) as bytes, min(accepted_at) as oldest, (select max(no) from batch) as accepted
     from (select tenant_no, partner_no, payload_bytes, accepted_at from batch where state = 'ACCEPTED' limit ?)
       as waiting
     group by tenant_no, partner_no`,
      [app.config.backlog.installation.batchesMax + 1],
    );
  return rows.map(({ batches, bytes, accepted, ...row }) => {
    return { batches: Number(batches), bytes: Number(bytes), accepted: Number(accepted), ...row };
  });
}

/** Where the batches of a process come in: what waits, what is at work, and who is to come again when. */
class Gate {
  #backlog = new Tally();
  /** Stored here since the backlog was asked for; `#since` becomes the new one while it is asked for again. */
  #stored = new Tally();
  #since = new Tally();
  /** Being accepted: they wait as soon as they are stored. */
  readonly #entered = new Tally();
  readonly #received = new Tally();
  readonly #turns = new BoundedMap<string, number>(TURNS_KEPT_MAX);
  readonly #pace = new Pace();
  #storedEver = 0;
  #readAtMs = Number.NEGATIVE_INFINITY;
  #reading: Promise<void> | null = null;

  constructor(readonly app: App) {}

  /** Refuses a batch of that owner's where there is no room. */
  async ask(owner: Owner): Promise<void> {
    await this.#withRoom(owner, () => undefined);
  }

  /** Counts a batch that is being accepted, until the returned function is called. */
  async enter(owner: Owner, amount: Amount): Promise<() => void> {
    return this.#withRoom(owner, () => this.#entered.addFor(owner, amount));
  }

  /** Lets a batch of somebody wait whose oldest has waited for long, so that no more is accepted than posting bears. */
  async pace(owner: Owner): Promise<void> {
    if (this.#at(keyOf(owner)).oldestMs < this.app.config.backlog.behindMs) return;
    const heldMs = await this.#pace.turn();
    this.app.metrics.time("batch_held_up", heldMs / 1_000);
  }

  /** Counts the bytes of a request until the returned function is called. */
  async receive(owner: Owner, bytes: number): Promise<() => void> {
    return this.#withRoom(owner, () => this.#received.addFor(owner, { batches: 0, bytes }));
  }

  /**
   * Does it at once where there is room, so that nobody comes in between. Nobody is refused by what was known a while
   * ago: it is asked for again first.
   */
  async #withRoom<T>(owner: Owner, work: () => T): Promise<T> {
    if (this.#ageMs > KNOWN_MS_MAX) await this.#refresh();
    else if (this.#ageMs > FRESH_MS) this.#refresh().catch((error: unknown) => this.#complain(error));
    if (this.#ageMs > FRESH_MS && this.#fullness(owner) !== null) await this.#refresh();
    const full = this.#fullness(owner);
    if (full !== null) throw this.#refusal(full, owner);
    return work();
  }

  get #ageMs(): number {
    return performance.now() - this.#readAtMs;
  }

  #refresh(): Promise<void> {
    this.#reading ??= this.#read().finally(() => {
      this.#reading = null;
    });
    return this.#reading;
  }

  #complain(error: unknown): void {
    this.app.log.warn({ err: error }, "admission: the backlog was not read");
  }

  #fullness(owner: Owner): Fullness | null {
    const { backlog: limits } = this.app.config;
    const [partner, tenant] = [keyOf(owner), `${owner.tenantNo}`];
    const waiting = { partner: this.#at(partner), tenant: this.#at(tenant), installation: this.#at(EVERYBODY) };
    const [entered, received] = [this.#entered, this.#received];
    return (
      fullnessOf(waiting, limits) ??
      intakeFullness(
        { batches: entered.at(partner).batches, bytes: received.at(partner).bytes },
        this.intake(),
        limits.intake,
      )
    );
  }

  intake(): Amount {
    return { batches: this.#entered.at(EVERYBODY).batches, bytes: this.#received.at(EVERYBODY).bytes };
  }

  stored({ tenantNo, partnerNo, payloadBytes: bytes, acceptedAt: oldest }: Batch): void {
    const row = { tenantNo, partnerNo, batches: 1, bytes, oldest };
    this.#storedEver += 1;
    this.#stored.add(row);
    if (this.#reading !== null) this.#since.add(row);
  }

  async #read(): Promise<void> {
    this.#since = new Tally();
    const backlog = new Tally();
    const rows = await readBacklogForAllTenants(this.app);
    for (const row of rows) backlog.add(row);
    this.#backlog = backlog;
    this.#stored = this.#since;
    this.#readAtMs = performance.now();
    const { batches: waiting } = backlog.at(EVERYBODY);
    this.#pace.see({ atMs: this.#readAtMs, accepted: rows[0]?.accepted ?? null, waiting, own: this.#storedEver });
  }

  #at(key: string): Waiting {
    const parts = [this.#backlog.at(key), this.#stored.at(key), this.#entered.at(key)];
    const oldestAt = Math.min(...parts.map((part) => part.oldestAt));
    return {
      batches: parts.reduce((sum, part) => sum + part.batches, 0),
      bytes: parts.reduce((sum, part) => sum + part.bytes, 0),
      oldestMs: oldestAt === Number.POSITIVE_INFINITY ? 0 : Math.max(this.app.clock.now().getTime() - oldestAt, 0),
    };
  }

  /** Everybody refused gets a later turn than the one before, so that they do not all come again at once. */
  #refusal(full: Fullness, owner: Owner): CodedError {
    const { level, unit } = full;
    const key = `${level} ${level === "INSTALLATION" ? owner.tenantNo : keyOf(owner)}`;
    const nowMs = performance.now();
    const turnMs = nextTurn(full, nowMs, this.#turns.get(key) ?? 0);
    this.#turns.set(key, turnMs);
    this.app.metrics.count("batches_rate_limited", { level, unit });
    return exchangeError("RATE_LIMITED", { reason: REASONS[level], retryAfterMs: Math.ceil(turnMs - nowMs) });
  }
}

const REASONS = {
  PARTNER: "too much of this partner waits to be posted.",
  TENANT: "too much of this tenant waits to be posted.",
  INSTALLATION: "too much waits to be posted.",
  INTAKE: "too much comes in at once.",
} as const;
