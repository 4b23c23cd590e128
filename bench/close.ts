import type { Connection } from "mysql2/promise";
import { type Actor, shellActor } from "../src/kernel/actor.js";
import { present } from "../src/kernel/assert.js";
import { later, systemClock } from "../src/kernel/clock.js";
import { newId } from "../src/kernel/ids.js";
import type { App } from "../src/platform/app.js";
import { readConfig } from "../src/platform/config.js";
import { closeApp, openApp } from "../src/platform/open-app.js";
import { databaseSchema } from "../src/server/database.js";
import { closePeriod, settle } from "../src/settlement/runs/service.js";
import { RUNS, type Stage, type StagedBenchmark } from "./benchmark.js";
import { numberOf, rowsOf } from "./database.js";
import { openIngestion } from "./ingest.js";
import type { BenchPartner } from "./partners.js";
import { loadTransactions } from "./stored.js";

const ROWS = 10_000_000;
const BATCHES_PER_PARTNER = 10;
const ROWS_PER_PARTNER = 10_000;
/** Closed before each run, of one partner that is not measured. */
const WARM_UP = 2;
/** So far ahead is the clock of the one who closes: the period of today and a week of empty ones are due. */
const AHEAD_MS = 7 * 86_400_000;
/** Tables whose sums of the period follow from its transactions, and their columns. */
const SUMS = {
  activity_total: ["count", "units", "sum_minor"],
  entry_line: ["amount_minor"],
  account: ["balance_minor"],
};

/** Closing a period of ten million transactions, beside the same period of ten thousand; each of another partner. */
export const close: StagedBenchmark = {
  name: "close",
  unit: "ms",
  target: { of: "multiple", must: 2, goal: 1.2 },
  isExtra: true,
  runs: RUNS,
  isStaged: true,
  isAlone: true,
  async prepare(stage) {
    const { installation, partners, cleanup, sizes } = stage;
    const runs = sizes.runs ?? RUNS;
    const [large, small, [spare]] = [partners.slice(0, runs), partners.slice(runs, 2 * runs), partners.slice(2 * runs)];
    if (spare === undefined) throw new Error(`${partners.length} partners are too few for ${runs} runs`);
    const app = await openApp({ ...readConfig(installation), logLevel: "silent" }, databaseSchema, {
      clock: { ...systemClock, now: () => later(systemClock.now(), AHEAD_MS) },
    });
    cleanup.later(() => closeApp(app));
    const ingestion = await openIngestion(stage);
    const actor = await tenantActor(ingestion.database, partners);
    for (const { id } of partners) await settle(app, actor, { partnerId: id, through: systemClock.now() });
    await ingestion.send("close", BATCHES_PER_PARTNER);
    const times = Math.max(Math.round((sizes.rows ?? ROWS) / ROWS_PER_PARTNER), 1);
    await enlarge(stage, ingestion.database, large, times);
    return async (run) => {
      const [smallOne, largeOne] = [present(small[run - 1], "a small"), present(large[run - 1], "a large partner")];
      for (let i = 0; i < WARM_UP; i++) await closeMs(app, actor, ingestion.database, spare);
      const limit = await closeMs(app, actor, ingestion.database, smallOne);
      const value = await closeMs(app, actor, ingestion.database, largeOne);
      return {
        value,
        limit,
        remarks: { transactions: times * ROWS_PER_PARTNER, besideTransactions: ROWS_PER_PARTNER },
      };
    };
  },
};

async function tenantActor(database: Connection, partners: readonly BenchPartner[]): Promise<Actor> {
  const { tenantId } = present(partners[0], "a partner");
  const tenantNo = await numberOf(database, "select no from tenant where id = ?", [tenantId]);
  return shellActor({ tenantId, tenantNo }, newId("req", systemClock));
}

/** Stores every transaction of the partners so many times, and multiplies the sums that follow from them. */
async function enlarge(stage: Stage, database: Connection, partners: readonly BenchPartner[], times: number) {
  const found = await rowsOf(database, "select no from partner where id in (?)", [partners.map(({ id }) => id)]);
  const numbers = found.map((row) => Number(row["no"]));
  await loadTransactions(stage, {
    where: `partner_no in (${numbers.join(", ")})`,
    copies: ({ rows }) => rows * (times - 1),
  });
  for (const [table, columns] of Object.entries(SUMS)) {
    const set = columns.map((column) => `\`${column}\` = \`${column}\` * ${times}`).join(", ");
    await database.query(`update ?? set ${set} where partner_no in (?)`, [table, numbers]);
  }
}

/** From asking to the statement's being stored, for the partner's earliest open period. */
async function closeMs(app: App, actor: Actor, database: Connection, { id }: BenchPartner): Promise<number> {
  const [period] = await rowsOf(
    database,
    `select period.id from settlement_period as period
     join partner on partner.tenant_no = period.tenant_no and partner.no = period.partner_no
     where partner.id = ? and period.state = 'OPEN' order by period.starts_at limit 1`,
    [id],
  );
  const began = performance.now();
  await closePeriod(app, actor, String(period?.["id"]));
  return performance.now() - began;
}
