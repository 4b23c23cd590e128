import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "vitest";
import { BatchState } from "../../src/exchange/entities.js";
import { postBatches } from "../../src/exchange/posting/service.js";
import { present } from "../../src/kernel/assert.js";
import { scaleOf } from "../../src/kernel/money.js";
import { balancesAt } from "../../src/ledger/history/service.js";
import { fsck } from "../../src/operations/fsck/service.js";
import { PeriodState } from "../../src/periods/entities.js";
import type { App } from "../../src/platform/app.js";
import { closePeriod, settle } from "../../src/settlement/runs/service.js";
import { parseExact } from "../../src/settlement/terms/exact.js";
import { periods } from "../settlement/place.js";
import type { TestApp } from "../support/app.js";
import { balances, onDay, outcomesIn } from "../support/batches.js";
import type { DatabaseProxy } from "../support/proxy.js";
import { loseRedis } from "../support/redis.js";
import type { Crash, Crashes } from "./crashes.js";
import type { Random } from "./random.js";
import {
  digestOf,
  openWorld,
  randomBatch,
  type SentBatch,
  type Side,
  setTime,
  signBatch,
  submitSigned,
  type World,
} from "./world.js";

/** The processes of a simulation: two that nothing befalls, and one that is felled. */
export interface Processes {
  readonly app: TestApp;
  readonly second: App;
  readonly unlucky: App;
  readonly crashes: Crashes;
  readonly proxy: DatabaseProxy;
}

const STEPS = 30;
const LAST_DAY = 12;
/** More statements than any operation needs before it commits; a crash planned behind its end does not strike. */
const STATEMENTS_MAX = 24;

/** One random history: everything that happens, and everything compared with the naive ledger after every step. */
export class History {
  /** What happened so far, for whoever has to find a fault. */
  readonly log: string[] = [];
  #entries: string[] = [];
  readonly #past: { readonly side: Side; readonly at: Date; readonly held: Record<string, bigint> }[] = [];

  private constructor(
    readonly random: Random,
    readonly processes: Processes,
    readonly world: World,
  ) {}

  static async open(random: Random, processes: Processes): Promise<History> {
    return new History(random, processes, await openWorld(processes.app));
  }

  async run(): Promise<void> {
    for (let step = 0; step < STEPS; step++) {
      const side = this.random.one(this.world.sides);
      const act = this.random.weighted({
        submit: 42,
        repeat: 6,
        conflict: 3,
        post: 24,
        time: 12,
        settle: 13,
        flush: 3,
      });
      this.log.push(act);
      await this.#step(act, side);
      await this.#compare();
    }
    this.log.push("end");
    await this.#end();
  }

  async #step(act: string, side: Side): Promise<void> {
    const { app } = this.processes;
    if (act === "submit") return this.#submit(side);
    if (act === "repeat") return this.#repeat(side);
    if (act === "conflict") return this.#conflict(side);
    if (act === "post") return this.#post(side);
    if (act === "settle") return this.#settle(side);
    if (act === "flush") return loseRedis(app);
    if (this.random.is(0.3) && this.world.hour < 20) this.world.hour += 1;
    else if (this.world.day < LAST_DAY) Object.assign(this.world, { day: this.world.day + 1, hour: 7 });
    else return;
    setTime(app, this.world);
  }

  /** Sends a batch as a client does: again and again, the same bytes, until it is acknowledged. */
  async #submit(side: Side): Promise<void> {
    const signed = await signBatch(this.processes.app, this.world, side, randomBatch(this.random, this.world));
    const answer = await this.#withCrash(
      (app) => submitSigned(app, signed),
      () => submitSigned(this.processes.app, signed),
    );
    const { batch, receipt } = answer;
    expect(side.sent.every((other) => other.batch.no !== batch.no)).toBe(true);
    side.sent.push({ ...signed, batch, receipt });
    const items = signed.naive.items.map(
      ({ id, kind, reverses, amount, day }) => `${id} ${kind}${reverses} ${amount} @${day}`,
    );
    this.log.push(
      `  ${batch.no} ${signed.naive.isTenants ? "T" : "P"}${signed.naive.isAtomic ? "A" : ""} ${items.join(", ")}`,
    );
  }

  async #repeat(side: Side): Promise<void> {
    const earlier = this.#anySent(side);
    if (earlier === null) return;
    const again = await submitSigned(this.random.is(0.5) ? this.processes.second : this.processes.app, earlier);
    expect(again).toMatchObject({ replayed: true, receipt: earlier.receipt, batch: { no: earlier.batch.no } });
  }

  async #conflict(side: Side): Promise<void> {
    const earlier = this.#anySent(side);
    if (earlier === null) return;
    const { app } = this.processes;
    const other = { ...earlier.naive, items: [...earlier.naive.items, ...randomBatch(this.random, this.world).items] };
    const signed = await signBatch(app, this.world, side, other, earlier.jti);
    await expect(submitSigned(app, signed)).rejects.toMatchObject({ code: "IDEMPOTENCY_CONFLICT" });
  }

  #anySent(side: Side): SentBatch | null {
    return side.sent.length === 0 ? null : this.random.one(side.sent);
  }

  async #post(side: Side): Promise<void> {
    const { app, second } = this.processes;
    const { partner } = side.place;
    if (this.random.is(0.3)) await Promise.all([postBatches(app, partner), postBatches(second, partner)]);
    const mayStop = this.random.is(0.4); // the next ones find what a dead worker left
    await this.#withCrash(
      (unlucky) => postBatches(unlucky, partner),
      async () => (mayStop ? null : this.#drain(side)),
    );
  }

  async #drain({ place }: Side): Promise<null> {
    while (!(await postBatches(this.processes.app, place.partner)).isDrained) await sleep(1);
    return null;
  }

  async #settle(side: Side): Promise<void> {
    const { app } = this.processes;
    const { partner, shell } = side.place;
    const through = new Date(onDay(this.world.day, 0));
    const [open] = await periods(app, side.place, PeriodState.OPEN);
    if (open !== undefined && open.endsAt <= through && this.random.is(0.3)) {
      await closePeriod(app, shell, open.id);
      await expect(closePeriod(app, shell, open.id)).rejects.toMatchObject({ code: "PERIOD_CLOSED" });
      return;
    }
    const mayStop = this.random.is(0.4);
    const run = (by: App) => settle(by, shell, { partnerId: partner.id, through });
    await this.#withCrash(run, async () => (mayStop ? null : run(app)));
  }

  /** Does something, mostly in a process that may crash at any statement; what is done instead then, or after it. */
  async #withCrash<T, U>(first: (app: App) => Promise<T>, again: () => Promise<U>): Promise<T | U> {
    const { app, unlucky, crashes, proxy } = this.processes;
    if (this.random.is(0.4)) return first(app);
    const crash = this.random.one<Crash | "before" | "after">(["throw", "deadlock", "kill", "kill", "before", "after"]);
    const statement = this.random.whole(0, STATEMENTS_MAX);
    if (crash === "before" || crash === "after") proxy.cutNextCommit(crash);
    else crashes.plan(crash, statement);
    try {
      return await first(unlucky);
    } catch (error) {
      this.log.push(`  ${crash} ${statement}: ${error instanceof Error ? `${error.name} ${error.message}` : "?"}`);
      return await again();
    } finally {
      crashes.stop();
      proxy.cutNextCommit(null);
    }
  }

  /** Brings the naive ledger to where the real one is, and compares all that they say. */
  async #compare(): Promise<void> {
    for (const side of this.world.sides) {
      await this.#compareSide(side);
    }
    const { app } = this.processes;
    const { no } = present(this.world.sides[0], "a side").place.tenant;
    const sums: { total: string }[] = await app.database.query(
      `select sum(amount_minor) as total from entry_line where tenant_no = ? group by currency
       union all select sum(balance_minor) from account where tenant_no = ? group by currency`,
      [no, no],
    );
    expect(sums.filter(({ total }) => total !== "0")).toEqual([]); // I1
    const entries = await this.#readEntries(no);
    const kept = new Set(entries);
    expect(this.#entries.filter((entry) => !kept.has(entry))).toEqual([]); // I5
    this.#entries = entries;
  }

  async #compareSide(side: Side): Promise<void> {
    const { app } = this.processes;
    const { place, ledger } = side;
    for (const { batch, expected } of await this.#postedSince(side)) {
      expect([batch.no, await codesIn(app, batch)]).toEqual([batch.no, expected]);
      this.log.push(`  ${batch.no} posted ${digestOf(expected ?? [])}`);
    }
    const closed: { day: number; state: PeriodState }[] = await app.database.query(
      `select day(starts_at) as day, state from settlement_period
       where tenant_no = ? and partner_no = ? and state <> 'OPEN' order by starts_at`,
      [place.tenant.no, place.partner.no],
    );
    for (const { day, state } of closed) {
      if (day === ledger.books.openFrom) ledger.close();
      const isIssued = ledger.statements.some((statement) => statement.day === day);
      if (state === PeriodState.STATEMENT_ISSUED && !isIssued) ledger.issue(day);
    }
    expect(await balances(app, place)).toEqual(ledger.balances());
    const at = app.clock.now();
    await sleep(2);
    if (this.random.is(0.2)) this.#past.push({ side, at, held: ledger.balances() });
  }

  /** Posts, in the naive books, what was posted since: all of it in order of acceptance, nothing left out. */
  async #postedSince({ place, ledger, sent }: Side): Promise<SentBatch[]> {
    const rows: { no: string; state: BatchState }[] = await this.processes.app.database.query(
      "select no, state from batch where tenant_no = ? and partner_no = ? order by no",
      [place.tenant.no, place.partner.no],
    );
    expect(rows.map(({ no }) => String(no))).toEqual(sent.map(({ batch }) => batch.no)); // I2: acknowledged, and no other
    const posted = rows.filter(({ state }) => state === BatchState.POSTED).length;
    expect(rows.slice(posted).filter(({ state }) => state !== BatchState.ACCEPTED)).toEqual([]);
    const fresh = sent.slice(0, posted).filter(({ expected }) => expected === null);
    for (const each of fresh) each.expected = ledger.books.post(each.naive);
    return fresh;
  }

  async #readEntries(tenantNo: number): Promise<string[]> {
    const rows: Record<string, unknown>[] = await this.processes.app.database.query(
      `select entry.partner_no, entry.no, entry.kind, entry.period_no, entry.batch_no, entry.statement_id,
         entry.recorded_at, line.account, line.currency, line.amount_minor
       from entry left join entry_line as line on line.tenant_no = entry.tenant_no
         and line.partner_no = entry.partner_no and line.entry_no = entry.no
       where entry.tenant_no = ?`,
      [tenantNo],
    );
    return rows.map((row) => JSON.stringify(row));
  }

  /** Everything that waits is posted, every period that ended is settled; then whatever can be compared is. */
  async #end(): Promise<void> {
    const { app } = this.processes;
    for (const side of this.world.sides) await this.#drain(side);
    this.world.day += 1;
    setTime(app, this.world);
    for (const { place } of this.world.sides) {
      await settle(app, place.shell, { partnerId: place.partner.id, through: new Date(onDay(this.world.day, 0)) });
    }
    await this.#compare();
    for (const side of this.world.sides) {
      expect(side.sent.filter(({ expected }) => expected === null)).toEqual([]);
      expect(side.ledger.books.openFrom).toBe(this.world.day);
      expect(await rowsOf(app, side)).toEqual(expectedRows(side));
      expect(await totalsOf(app, side)).toEqual(side.ledger.totals());
      expect(await statementsOf(app, side)).toEqual(side.ledger.statements.map((each) => ({ ...each })));
    }
    for (const { side, at, held } of this.#past) {
      const { accounts } = await balancesAt(app, side.place.partner, at);
      const then = accounts.map(({ account, currency, balanceMinor }) => {
        return [currency === "USD" ? account : `${account} ${currency}`, balanceMinor] as const;
      });
      expect(Object.fromEntries(then)).toEqual(held);
    }
    await this.#compareActs();
    const { tenant } = present(this.world.sides[0], "a side").place;
    expect((await fsck(app, { tenantId: tenant.id })).differences).toEqual([]);
  }

  /** Each change of state has one act, whatever crashed and was done again. */
  async #compareActs(): Promise<void> {
    const { sides } = this.world;
    const { tenant } = present(sides[0], "a side").place;
    const rows: { type: string; acts: string; subjects: string }[] = await this.processes.app.database.query(
      `select type, count(*) as acts, count(distinct subject_id) as subjects from act
       where tenant_no = ? and type in ('BATCH_ACCEPTED', 'BATCH_POSTED', 'PERIOD_CLOSED', 'STATEMENT_ISSUED')
       group by type`,
      [tenant.no],
    );
    const sum = (count: (side: Side) => number) => sides.reduce((total, side) => total + count(side), 0);
    const batches = sum(({ sent }) => sent.length);
    const closed = sum(({ ledger }) => ledger.books.openFrom - 1);
    const statements = sum(({ ledger }) => ledger.statements.length);
    const expected = {
      BATCH_ACCEPTED: batches,
      BATCH_POSTED: batches,
      PERIOD_CLOSED: closed,
      STATEMENT_ISSUED: statements,
    };
    for (const [type, count] of Object.entries(expected)) {
      const row = rows.find((each) => each.type === type);
      expect([type, Number(row?.acts ?? 0), Number(row?.subjects ?? 0)]).toEqual([type, count, count]);
    }
  }
}

/** Outcomes and codes, without the paths. */
async function codesIn(app: App, batch: SentBatch["batch"]): Promise<string[]> {
  return (await outcomesIn(app, batch)).map((outcome) => outcome.split(" ").slice(0, 2).join(" "));
}

async function rowsOf(app: App, { place }: Side): Promise<string[]> {
  const rows: { external_id: string; state: string }[] = await app.database.query(
    "select external_id, state from transaction where tenant_no = ? and partner_no = ?",
    [place.tenant.no, place.partner.no],
  );
  return rows.map(({ external_id, state }) => `${external_id} ${state}`).toSorted();
}

function expectedRows({ ledger }: Side): string[] {
  const states = { POSTED: "POSTED", WAITING: "PENDING_ORIGINAL", REFUSED: "REFUSED" } as const;
  return ledger.books.rows.map(({ item, state }) => `${item.id} ${states[state]}`).toSorted();
}

async function totalsOf(app: App, { place }: Side): Promise<Record<string, string>> {
  const rows: Record<string, string>[] = await app.database.query(
    `select day(period.starts_at) as day, day(origin.starts_at) as origin, coalesce(product.code, '') as product,
       total.kind, total.category, total.currency, total.count, total.sum_minor, total.units
     from activity_total as total
     join settlement_period as period on period.tenant_no = total.tenant_no and period.no = total.period_no
     join settlement_period as origin on origin.tenant_no = total.tenant_no and origin.no = total.origin_period_no
     left join product on product.tenant_no = total.tenant_no and product.no = total.product_no
     where total.tenant_no = ? and total.partner_no = ?`,
    [place.tenant.no, place.partner.no],
  );
  return Object.fromEntries(
    rows.map(({ day, origin, product, kind, category, currency, count, sum_minor, units }) => [
      `${day} ${origin} ${product} ${kind} ${category} ${currency}`,
      `${count} × ${sum_minor}, ${units}`,
    ]),
  );
}

async function statementsOf(app: App, { place }: Side): Promise<Record<string, unknown>[]> {
  const rows: Record<string, string>[] = await app.database.query(
    `select day(starts_at) as day, currency, base, carry_in as carryIn, carry_out as carryOut, opening_minor as opening,
       earned_minor as earned, adjustments_minor as adjustments, payable_minor as payable, closing_minor as closing
     from statement where tenant_no = ? and partner_no = ? order by starts_at, currency = 'BTC'`,
    [place.tenant.no, place.partner.no],
  );
  return rows.map(({ day, currency = "", base, carryIn, carryOut, ...money }) => ({
    ...{ day: Number(day), currency },
    ...Object.fromEntries(
      Object.entries({ base, carryIn, carryOut }).map(([name, text]) => {
        const exact = present(parseExact(text ?? "", scaleOf(currency)), "an exact number");
        expect(exact.d).toBe(1n);
        return [name, exact.n];
      }),
    ),
    ...Object.fromEntries(Object.entries(money).map(([name, minor]) => [name, BigInt(minor)])),
  }));
}
