import { setTimeout as sleep } from "node:timers/promises";
import { beforeEach, expect, test } from "vitest";
import {
  enqueuePosting,
  pollForAllTenants,
  postingQueue,
  postPartner,
  sweepForAllTenants,
} from "../../src/exchange/posting/jobs.js";
import { holdCursor } from "../../src/periods/cursors/service.js";
import { transact } from "../../src/platform/database.js";
import { POSTING_PARTITIONS } from "../../src/tenancy/service.js";
import { testApp } from "../support/app.js";
import { type Exchange, openExchange, submit } from "../support/batches.js";
import { SqlFaults } from "../support/sql-faults.js";

/** Counts the groups that are read. */
class Groups extends SqlFaults {
  read = 0;

  override logQuery(query: string): void {
    if (/from batch\s+where state = 'ACCEPTED'/.test(query)) this.read += 1;
    super.logQuery(query);
  }
}

const groups = new Groups();
const app = await testApp({ sqlLogger: groups });
/** Its queues are others, which nobody serves: a job that it adds is as good as lost. */
const elsewhere = await testApp({ clock: app.clock });
let place: Exchange;

for (let partition = 0; partition < POSTING_PARTITIONS; partition++) {
  app.queues.work(app, postingQueue(partition), [postPartner], 1);
}

beforeEach(async () => {
  place = await openExchange(app);
});

test("a partner that another process holds is asked for now and then, not without end, and then posted", async () => {
  await transact(app, async (tx) => {
    await holdCursor(tx, place.partner);
    const { read } = groups;
    await submit(app, place);
    await sleep(1_500);
    expect(groups.read - read).toBeGreaterThan(1);
    expect(groups.read - read).toBeLessThan(40); // hundreds where it goes on at once
  });
  while ((await postedOf(place)) === 0) {
    await sleep(500);
    await sweepForAllTenants(app, app.clock.now()); // as the relay does: a job is a hint, and may be lost
  }
});

test("a job that Redis lost is found by the sweeper, once the batch has waited", async () => {
  const { batch } = await submit(elsewhere, place);
  expect(await sweepForAllTenants(app, new Date(batch.acceptedAt.getTime() - 1))).toBe(0);
  expect(await sweepForAllTenants(app, batch.acceptedAt)).toBe(1);
  await untilPosted(place);
});

test("without a queue, a partner that cannot be posted holds up no other", async () => {
  const next = await openExchange(app);
  for (const to of [place, next]) await submit(elsewhere, to);
  groups.fail("insert into transaction", { errno: 1114, sqlState: "HY000" }); // the first one's: the table is full
  const before = groups.struck();
  expect(await pollForAllTenants(app)).toBe(2);
  expect(groups.struck()).toBe(before + 1);
  expect((await postedOf(place)) + (await postedOf(next))).toBe(1);
  await enqueuePosting(app, place.partner);
  await enqueuePosting(app, next.partner);
  await untilPosted(place);
  await untilPosted(next);
});

async function untilPosted(to: Exchange): Promise<void> {
  while ((await postedOf(to)) === 0) await sleep(20);
}

async function postedOf({ tenant, partner }: Exchange): Promise<number> {
  const [{ posted }] = await app.database.query(
    "select count(*) as posted from batch where tenant_no = ? and partner_no = ? and state = 'POSTED'",
    [tenant.no, partner.no],
  );
  return Number(posted);
}
