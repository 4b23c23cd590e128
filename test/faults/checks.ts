import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "vitest";
import { ActType } from "../../src/acts/entities.js";
import { fsck } from "../../src/operations/fsck/service.js";
import { PeriodState } from "../../src/periods/entities.js";
import { type Place, periods } from "../settlement/place.js";
import { Caller } from "./caller.js";
import type { SentBatch, SentItem, Workload } from "./workload.js";
import type { World } from "./world.js";

const DRAINED_MS_MAX = 60_000;
const POLL_MS = 100;
const BATCH =
  "query ($id: ID!) { batch(id: $id) { state itemCount postedCount duplicateCount pendingCount refusedCount } }";
/** What a forged batch is refused with; nothing else that the workload sends may be refused. */
const FORGED = "SIGNATURE_INVALID";

/** I14: within a minute nothing waits any more, neither batch nor act nor job. Answers how long that took. */
export async function untilDrained({ app }: World): Promise<number> {
  const started = performance.now();
  for (;;) {
    const left = await leftOver(app);
    const tookMs = performance.now() - started;
    if (Object.values(left).every((count) => count === 0)) return tookMs;
    if (tookMs > DRAINED_MS_MAX)
      expect(left, "nothing is stuck after a minute").toEqual({ batches: 0, acts: 0, jobs: 0 });
    await sleep(POLL_MS);
  }
}

/** Checks I1–I5 and I14 of a workload that has stopped: from its own record, the API, SQL and fsck. */
export async function expectAllKept(world: World, workload: Workload): Promise<void> {
  expect(world.roles.crashes, "no role ended by itself").toEqual([]);
  expect(workload.complaints).toEqual([]);
  expect(workload.record.filter(({ known }) => known === "unknown")).toEqual([]);
  expect([...new Set(workload.record.flatMap(({ code }) => code ?? []))].filter((code) => code !== FORGED)).toEqual([]);
  await untilDrained(world);
  await expectEachOnce(world, workload);
  for (const place of world.places) await expectBooks(world, place, workload);
  await expectSums(world);
  const { ok, differences } = await fsck(world.app);
  expect({ ok, differences }).toEqual({ ok: true, differences: [] });
}

/** I5: what is in the books, to be compared later; entries are only added behind. */
export async function booksSoFar({ app }: World): Promise<Books[]> {
  return app.database
    .query(
      `/* all tenants */ select tenant_no, partner_no, max(entry_no) as upTo from entry_line
       group by tenant_no, partner_no`,
    )
    .then((partners: Books[]) => Promise.all(partners.map(async (each) => ({ ...each, sum: await sumOf(app, each) }))));
}

/** I5: nothing of those books has changed. */
export async function expectOnlyAppended({ app }: World, books: readonly Books[]): Promise<void> {
  for (const each of books) expect(await sumOf(app, each)).toBe(each.sum);
}

/** I7: a period whose close was answered is closed, and has its statement. */
export async function expectClosedStayed(
  { app }: World,
  closed: readonly { readonly place: Place; readonly periodId: string }[],
): Promise<void> {
  for (const { place, periodId } of closed) {
    const found = (await periods(app, place)).find(({ id }) => id === periodId);
    expect(found?.state).toBe(PeriodState.STATEMENT_ISSUED);
    const [{ statements }] = await app.database.query(
      "select count(*) as statements from statement where tenant_no = ? and period_no = ?",
      [place.tenant.no, found?.no],
    );
    expect(Number(statements)).toBe(1); // a partner of one currency
  }
}

/** A partner's books up to an entry. */
export interface Books {
  readonly tenant_no: number;
  readonly partner_no: number;
  readonly upTo: string;
  readonly sum?: string;
}

async function sumOf(app: World["app"], { tenant_no, partner_no, upTo }: Books): Promise<string> {
  const [row] = await app.database.query(
    `select count(*) as entries, sum(crc32(concat_ws('|', entry_no, account, currency, amount_minor))) as sum
     from entry_line where tenant_no = ? and partner_no = ? and entry_no <= ?`,
    [tenant_no, partner_no, upTo],
  );
  return `${row.entries} ${row.sum}`;
}

async function leftOver(app: World["app"]): Promise<Record<string, number>> {
  const [{ batches }] = await app.database.query(
    "/* all tenants */ select count(*) as batches from batch where state = 'ACCEPTED'",
  );
  const [{ acts }] = await app.database.query(
    "/* all tenants */ select count(*) as acts from act where tree_index is null",
  );
  const keys = await app.redis.keys(`${app.config.redisPrefix.replace(/[{}]/g, "?")}*`);
  const lists = keys.filter((key) => /:(wait|active)$/.test(key));
  const lengths = await Promise.all(lists.map((key) => app.redis.llen(key)));
  return { batches: Number(batches), acts: Number(acts), jobs: lengths.reduce((sum, length) => sum + length, 0) };
}

/** I2, I3: an acknowledged batch is stored once and posted whole, as the API says too; a refused one left nothing. */
async function expectEachOnce(world: World, workload: Workload): Promise<void> {
  const { app } = world;
  const caller = new Caller(world);
  const rows: { jti: string; stored: string; posted: string; acts: string }[] = await app.database.query(
    `/* all tenants */ select batch.jti, count(*) as stored, sum(batch.state = 'POSTED') as posted,
       (select count(*) from act where act.tenant_no = batch.tenant_no and act.subject_id = batch.id
        and act.type = ?) as acts
     from batch group by batch.tenant_no, batch.issuer_no, batch.jti`,
    [ActType.BATCH_POSTED],
  );
  const sent = workload.acknowledged();
  const byJti = new Map(rows.map(({ jti, stored, posted, acts }) => [jti, [stored, posted, acts].map(Number)]));
  expect(byJti).toEqual(new Map(sent.map(({ jti }) => [jti, [1, 1, 1]])));
  for (const batch of sent) {
    const answer = await caller.ask(batch.place, BATCH, { id: batch.batchId });
    const { state, itemCount, ...counts } = answer.kind === "data" ? answer.data.batch : {};
    expect([batch.jti, state, itemCount]).toEqual([batch.jti, "POSTED", batch.items.length]);
    expect(Object.values(counts).reduce((sum: number, count) => sum + Number(count), 0)).toBe(itemCount);
  }
}

/** I2, I4: the transactions of a partner are those that were acknowledged, and its accounts are what they come to. */
async function expectBooks(world: World, place: Place, workload: Workload): Promise<void> {
  const items = itemsOf(workload.acknowledged().filter((batch) => batch.place === place));
  const rows: { external_id: string; state: string }[] = await world.app.database.query(
    "select external_id, state from transaction where tenant_no = ? and partner_no = ?",
    [place.tenant.no, place.partner.no],
  );
  const stored = rows.map(({ external_id, state }) => `${external_id} ${state}`).sort();
  expect(stored).toEqual([...items.keys()].map((id) => `${id} POSTED`).sort());
  const balances = await new Caller(world).balances(place, null);
  const { STAKES = 0n, WINNINGS = 0n } = balances?.cents ?? {};
  expect({ STAKES, WINNINGS }).toEqual(expectedOf(items));
}

function itemsOf(batches: readonly SentBatch[]): Map<string, SentItem> {
  return new Map(batches.flatMap(({ items }) => items.map((item) => [item.id, item] as const)));
}

/** Stakes are credited by bets, winnings debited by wins; only bets are rolled back. */
function expectedOf(items: ReadonlyMap<string, SentItem>): Record<string, bigint> {
  let [STAKES, WINNINGS] = [0n, 0n];
  for (const { kind, cents } of items.values()) {
    if (kind === "WIN") WINNINGS += BigInt(cents);
    else STAKES += BigInt(kind === "BET" ? -cents : cents);
  }
  return { STAKES, WINNINGS };
}

/** I1 from SQL: every entry, and so everything, sums to nothing. */
async function expectSums({ app }: World): Promise<void> {
  const unbalanced = await app.database.query(
    `/* all tenants */ select tenant_no, partner_no, entry_no, currency from entry_line
     group by tenant_no, partner_no, entry_no, currency having sum(amount_minor) <> 0`,
  );
  expect(unbalanced).toEqual([]);
}
