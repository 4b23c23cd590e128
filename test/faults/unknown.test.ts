import { beforeEach, expect, onTestFinished, test } from "vitest";
import { ActType } from "../../src/acts/entities.js";
import { postBatches } from "../../src/exchange/posting/service.js";
import { submitBatch } from "../../src/exchange/submission/service.js";
import { CommitOutcomeUnknown } from "../../src/platform/database.js";
import { closeApp } from "../../src/platform/open-app.js";
import { PartnerKind } from "../../src/tenancy/entities.js";
import { createPartner } from "../../src/tenancy/service.js";
import { openTestApp, testApp } from "../support/app.js";
import { actsOf, balances, type Exchange, openExchange, payloadOf, post, sign, submit } from "../support/batches.js";
import { type Cut, type DatabaseProxy, startProxy } from "../support/proxy.js";

const app = await testApp();
let place: Exchange;

beforeEach(async () => {
  place = await openExchange(app);
});

/** Whether the server has committed what the client got no answer for. */
const CUTS: readonly [Cut, boolean][] = [
  ["before", false],
  ["after", true],
  ["late", true],
];

test.each(CUTS)(
  "accepting: COMMIT lost %s the server had it; stored: %s, and the caller is told so",
  async (cut, isStored) => {
    const { remote, proxy } = await openRemote();
    await submit(remote, place); // the tenant's own key is made by now
    const jws = await sign(payloadOf(app, place), place.key);
    const send = () => submitBatch(remote, place.actor, { jws, waitMs: 0 });
    proxy.cutNextCommit(cut);
    const first = await send().catch((error: unknown) => error);
    expect(proxy.cuts()).toBe(1);
    if (isStored) expect(first).toMatchObject({ replayed: false, receipt: expect.any(String) });
    else expect(first).toBeInstanceOf(CommitOutcomeUnknown);
    expect(await send()).toMatchObject({ replayed: isStored, ...(isStored ? { receipt: Object(first).receipt } : {}) });
    expect(await actsOf(app, place, ActType.BATCH_ACCEPTED)).toHaveLength(2);
  },
);

test.each(CUTS)(
  "a mutation: COMMIT lost %s the server had it; done: %s, and its key does it once",
  async (cut, isDone) => {
    const { remote, proxy } = await openRemote();
    const code = `once-${cut}`;
    const named = { code, name: code, kind: PartnerKind.AGGREGATOR, timezone: "UTC", currencies: ["USD"] };
    const create = () => createPartner(remote, place.home.actor, named, `key-${cut}`);
    proxy.cutNextCommit(cut);
    const first = await create().catch((error: unknown) => error);
    expect(proxy.cuts()).toBe(1);
    if (isDone) expect(first).toMatchObject({ code });
    else expect(first).toBeInstanceOf(CommitOutcomeUnknown);
    expect(await create()).toMatchObject({ code });
    const rows = await app.database.query("select id from partner where tenant_id = ? and code = ?", [
      place.tenant.id,
      code,
    ]);
    expect(rows).toHaveLength(1);
  },
);

test.each(CUTS)("posting: COMMIT lost %s the server had it; posted: %s, and once in the end", async (cut) => {
  const { remote, proxy } = await openRemote();
  await submit(app, place);
  proxy.cutNextCommit(cut);
  await expect(postBatches(remote, place.partner)).rejects.toBeInstanceOf(CommitOutcomeUnknown);
  expect(proxy.cuts()).toBe(1);
  while (!(await post(app, place)).isDrained);
  expect(await actsOf(app, place, ActType.BATCH_POSTED)).toHaveLength(1);
  expect(await balances(app, place)).toEqual({ CLEARING: 100n, STAKES: -100n });
});

/** A process whose connections go through a proxy. */
async function openRemote(): Promise<{ remote: Awaited<ReturnType<typeof openTestApp>>; proxy: DatabaseProxy }> {
  const proxy = await startProxy(app.config.databaseUrl);
  const { redisPrefix } = app.config;
  const remote = await openTestApp({ clock: app.clock, config: { databaseUrl: proxy.url, redisPrefix } });
  onTestFinished(async () => {
    await closeApp(remote);
    await proxy.close();
  });
  return { remote, proxy };
}
