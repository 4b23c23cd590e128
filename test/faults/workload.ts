import { setTimeout as sleep } from "node:timers/promises";
import { CompactSign } from "jose";
import { systemClock } from "../../src/kernel/clock.js";
import { Random } from "../../src/server/demo/random.js";
import type { Place } from "../settlement/place.js";
import { Caller } from "./caller.js";
import { DAYS_BEFORE, dayStart, type World } from "./world.js";

/** What the client knows of a batch that it sent. */
export type Known = "unknown" | "acknowledged" | "refused";

/** A transaction as it was sent; amounts in cents. */
export interface SentItem {
  readonly id: string;
  readonly kind: "BET" | "WIN" | "ROLLBACK";
  readonly cents: number;
  readonly reverses?: string;
  readonly occurredAt: string;
}

/** A batch in the client's own record. */
export interface SentBatch {
  readonly place: Place;
  readonly jti: string;
  readonly jws: string;
  readonly items: readonly SentItem[];
  known: Known;
  /** How often an answer did not come, or said that it is not known. */
  losses: number;
  batchId?: string;
  receipt?: string;
  code?: string;
  /** Set where a repetition after a loss found the batch stored. */
  isFoundStored?: boolean;
}

interface Submitted {
  readonly batch: { readonly id: string; readonly state: string; readonly ledgerVersion: string | null };
  readonly receipt: string;
  readonly replayed: boolean;
}

const CLIENTS = 4;
const ITEMS_MAX = 25;
const RETRY_MS = 150;
const PAUSE_MS_MAX = 40;

const SUBMIT = `mutation ($input: SubmitBatchInput!) {
  submitBatch(input: $input) { batch { id state ledgerVersion } receipt replayed }
}`;

/**
 * Clients that sign and send batches over HTTP until they are stopped, repeat what was not answered, and keep their own
 * record of it. What they send follows from the seed; what becomes of it from the faults.
 */
export class Workload {
  readonly record: SentBatch[] = [];
  /** Answers that broke a promise, in words. */
  readonly complaints: string[] = [];
  readonly #caller: Caller;
  #isStopping = false;
  #running: Promise<unknown> = Promise.resolve();

  constructor(
    readonly world: World,
    readonly seed: number,
  ) {
    this.#caller = new Caller(world);
  }

  start(): void {
    const clients = Array.from({ length: CLIENTS }, (_, client) => this.#runClient(client));
    this.#running = Promise.all(clients);
  }

  /** Lets every client find out what became of its last batch, and ends. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#running;
  }

  acknowledged(): SentBatch[] {
    return this.record.filter(({ known }) => known === "acknowledged");
  }

  async #runClient(client: number): Promise<void> {
    const random = Random.of("workload", this.seed, client);
    const own: SentBatch[] = [];
    while (!this.#isStopping) {
      const again = random.chance(0.1) ? oneOf(random, own) : undefined;
      if (again !== undefined) {
        await this.#sendAgain(again);
        continue;
      }
      const batch = await this.#newBatch(random, client, own);
      own.push(batch);
      this.record.push(batch);
      await this.#sendUntilKnown(batch, random.chance(0.3) ? 1_000 : 0);
      await sleep(random.between(0, PAUSE_MS_MAX));
    }
  }

  async #newBatch(random: Random, client: number, own: readonly SentBatch[]): Promise<SentBatch> {
    const places = this.world.places;
    const place = places[Math.floor(random.between(0, places.length))] ?? places[0];
    if (place === undefined) throw new Error("a world has a partner");
    const jti = `s${this.seed}-c${client}-${own.length}`;
    const earlier = own.filter((batch) => batch.place === place);
    const size = 1 + Math.floor(random.between(0, ITEMS_MAX));
    const items: SentItem[] = [];
    for (let index = 0; index < size; index++) items.push(newItem(random, `${jti}-${index}`, earlier, items));
    const isForged = random.chance(0.04);
    const jws = await sign(place, jti, items);
    const sent = isForged ? `${jws.slice(0, -8)}AAAAAAAA` : jws;
    return { place, jti, jws: sent, items: isForged ? [] : items, known: "unknown", losses: 0 };
  }

  async #sendUntilKnown(batch: SentBatch, waitMs: number): Promise<void> {
    while (batch.known === "unknown") {
      const answer = await this.#caller.ask(batch.place, SUBMIT, { input: { jws: batch.jws, waitMs } });
      if (answer.kind === "lost") {
        batch.losses += 1;
        await sleep(RETRY_MS);
      } else if (answer.kind === "refused") {
        Object.assign(batch, { known: "refused", code: answer.code });
      } else await this.#acknowledge(batch, answer.data["submitBatch"]);
    }
  }

  async #acknowledge(batch: SentBatch, { batch: stored, receipt, replayed }: Submitted): Promise<void> {
    Object.assign(batch, { known: "acknowledged", batchId: stored.id, receipt });
    if (replayed && batch.losses > 0) batch.isFoundStored = true;
    else if (replayed) this.complaints.push(`${batch.jti} replayed at its first answer`);
    if (stored.ledgerVersion !== null) await this.#readOwnWrite(batch, stored.ledgerVersion);
  }

  /** What was answered once is answered always: the same receipt, byte for byte, or the same refusal. */
  async #sendAgain(batch: SentBatch): Promise<void> {
    const answer = await this.#caller.ask(batch.place, SUBMIT, { input: { jws: batch.jws, waitMs: 0 } });
    if (answer.kind === "lost") return;
    const isSame =
      answer.kind === "refused"
        ? batch.known === "refused" && answer.code === batch.code
        : answer.data["submitBatch"].receipt === batch.receipt && answer.data["submitBatch"].replayed === true;
    if (!isSame) this.complaints.push(`${batch.jti} (${batch.known}) again: ${JSON.stringify(answer)}`);
  }

  /** I6, and I1 on the way: whoever was told POSTED reads balances with it, and they sum to nothing. */
  async #readOwnWrite({ place, jti }: SentBatch, ledgerVersion: string): Promise<void> {
    const balances = await this.#caller.balances(place, ledgerVersion);
    if (balances === null) return;
    if (BigInt(balances.version) < BigInt(ledgerVersion)) this.complaints.push(`${jti} is missing from the balances`);
    if (balances.sumCents !== 0n) this.complaints.push(`balances after ${jti} sum to ${balances.sumCents}`);
  }
}

/** A new bet or win; at times an earlier one again, or the rollback of one. The same id always says the same. */
function newItem(random: Random, id: string, earlier: readonly SentBatch[], items: readonly SentItem[]): SentItem {
  const original = random.chance(0.2) ? oneOf(random, oneOf(random, earlier)?.items ?? items) : undefined;
  if (original !== undefined && random.chance(0.5)) return original;
  const day = dayStart(-Math.floor(random.between(0, DAYS_BEFORE)));
  const occurredAt = day.replace("T00:00:00.000Z", "T00:00:01.000Z");
  if (original?.kind === "BET") {
    return { ...original, id: `r-${original.id}`, kind: "ROLLBACK", reverses: original.id };
  }
  const kind = random.chance(0.7) ? "BET" : "WIN";
  return { id, kind, cents: 1 + Math.floor(random.between(0, 10_000)), occurredAt };
}

function oneOf<T>(random: Random, list: readonly T[] | undefined): T | undefined {
  return list === undefined ? undefined : list[Math.floor(random.between(0, list.length))];
}

async function sign({ partner, tenant, key }: Place, jti: string, items: readonly SentItem[]): Promise<string> {
  const transactions = items.map(({ id, kind, cents, reverses, occurredAt }) => ({
    ...{ id, kind, amount: (cents / 100).toFixed(2), currency: "USD", occurredAt },
    ...(reverses === undefined ? { product: "crash" } : { reverses }),
  }));
  const iat = Math.floor(systemClock.now().getTime() / 1_000);
  const payload = { iss: partner.id, aud: tenant.id, jti, iat, transactions };
  return new CompactSign(Buffer.from(JSON.stringify(payload)))
    .setProtectedHeader({ alg: key.alg, kid: key.kid, typ: "quittance-batch+jws" })
    .sign(key.privateKey);
}
