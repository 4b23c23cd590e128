import { setTimeout as sleep } from "node:timers/promises";
import { transact } from "../../src/platform/database.js";
import type { TestApp } from "../support/app.js";
import { bet, type Exchange, post, submit } from "../support/batches.js";

/** A batch whose posting has to wait for a row that nothing else of its partner's touches. */
export async function submitBlockable(app: TestApp, to: Exchange): Promise<string> {
  return (await submit(app, to, { transactions: [bet({ currency: "BTC" })] })).batch.id;
}

/** Makes the rows that a blockable batch waits for. */
export async function preparePlace(app: TestApp, to: Exchange): Promise<void> {
  await submitBlockable(app, to);
  await post(app, to);
}

/** While the work runs, whoever posts a blockable batch of the partner waits. */
export async function blockPosting(app: TestApp, { partner }: Exchange, work: () => Promise<void>): Promise<void> {
  await transact(app, async (tx) => {
    await tx.query(
      "select balance_minor from account where tenant_no = ? and partner_no = ? and currency = 'BTC' for update",
      [partner.tenantNo, partner.no],
    );
    await work();
  });
}

/** Waits until a transaction of another process waits for a lock in this App's database; answers its connection. */
export async function untilBlocked(app: TestApp): Promise<number> {
  for (;;) {
    const [blocked] = await app.database.query(
      `select process.id from information_schema.innodb_trx as trx
       join information_schema.processlist as process on process.id = trx.trx_mysql_thread_id
       where trx.trx_state = 'LOCK WAIT' and process.db = database()`,
    );
    if (blocked !== undefined) return blocked.id;
    await sleep(250); // the table is read anew only when nobody has looked for a tenth of a second
  }
}

/** The server notices that who had a connection is gone: what runs there ends now, COMMIT and all. */
export async function endConnection(app: TestApp, id: number): Promise<void> {
  await app.database.query("kill ?", [id]);
  const isThere = "select 1 from information_schema.processlist where id = ?";
  while ((await app.database.query(isThere, [id])).length > 0) await sleep(20);
}
