import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test, vi } from "vitest";
import { ActType } from "../../src/acts/entities.js";
import { enqueuePosting } from "../../src/exchange/posting/jobs.js";
import { fsck } from "../../src/operations/fsck/service.js";
import { testApp } from "../support/app.js";
import { actsOf, balances, type Exchange, openExchange, submit } from "../support/batches.js";
import { loseRedis } from "../support/redis.js";
import { startRole } from "../support/roles.js";
import { blockPosting, preparePlace, submitBlockable, untilBlocked } from "./blocked.js";

vi.setConfig({ testTimeout: 240_000 });
const app = await testApp();

test("a worker stopped in mid-transaction, past its lock: another posts, and its late commit fails", async () => {
  const to = await openExchange(app);
  await preparePlace(app, to);
  const { child: zombie } = await startRole(app.config, "worker");
  const { pid = 0 } = zombie;
  await blockPosting(app, to, async () => {
    await submitBlockable(app, to);
    await untilBlocked(app);
    process.kill(pid, "SIGSTOP");
  });
  const { child: successor } = await startRole(app.config, "worker");
  await untilPosted(to, 2); // the successor has the job by its lock's end, and the cursor by the transaction's
  expect(readFileSync(`/proc/${pid}/stat`, "utf8")).toContain(") T ");
  process.kill(pid, "SIGCONT");

  successor.kill("SIGKILL");
  await submit(app, to);
  await loseRedis(app);
  await enqueuePosting(app, to.partner);
  await untilPosted(to, 3); // the zombie lives, and works on
  expect(zombie.exitCode).toBe(null);
  expect(await actsOf(app, to, ActType.BATCH_POSTED)).toHaveLength(3);
  expect(await balances(app, to)).toMatchObject({ "CLEARING BTC": 200_000_000n, CLEARING: 100n });
  expect(await fsck(app, { tenantId: to.tenant.id })).toMatchObject({ ok: true });
});

async function untilPosted({ tenant }: Exchange, wanted: number): Promise<void> {
  for (;;) {
    const [{ posted }] = await app.database.query(
      "select count(*) as posted from batch where tenant_no = ? and state = 'POSTED'",
      [tenant.no],
    );
    if (Number(posted) >= wanted) return;
    await sleep(50);
  }
}
