import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { numberActsForAllTenants } from "../../src/events/relay/service.js";
import { pollForAllTenants, sweepForAllTenants } from "../../src/exchange/posting/jobs.js";
import { postBatches } from "../../src/exchange/posting/service.js";
import { submitBatch } from "../../src/exchange/submission/service.js";
import { present } from "../../src/kernel/assert.js";
import { tryLease } from "../../src/platform/lease.js";
import { workerQueues } from "../../src/server/worker-queues.js";
import { openProof, readPolicy } from "../../src/transparency/proofs/service.js";
import { signCheckpoint } from "../../src/transparency/service.js";
import { type Answer, CHALLENGE, testApi } from "../support/api.js";
import { testApp } from "../support/app.js";
import {
  bet,
  type Exchange,
  onDay,
  openExchange,
  payloadOf,
  periodOn,
  rollback,
  type Sent,
  send,
  sign,
  submit,
} from "../support/batches.js";
import { type SeededClient, seedClient, seedPartner } from "../support/seeds.js";

const app = await testApp();
const api = await testApi(app);
const worker = await testApp({ clock: app.clock, config: { redisPrefix: app.config.redisPrefix } });
let place: Exchange;

beforeAll(() => {
  for (const { queue, kinds, concurrency } of workerQueues) worker.queues.work(worker, queue, kinds, concurrency);
});

beforeEach(async () => {
  place = await openExchange(app);
});

async function ask(client: SeededClient, query: string, variables: Sent = {}): Promise<Answer> {
  return api.ask({ query, variables, token: await client.token() });
}

async function codeOf(client: SeededClient, query: string, variables: Sent = {}): Promise<unknown> {
  const { errors } = await ask(client, query, variables);
  return errors?.[0]?.extensions["code"];
}

async function submitOverHttp(transactions: readonly Sent[], from: Exchange = place): Promise<Answer> {
  const jws = await sign(payloadOf(app, from, { transactions }), from.key);
  return ask(from, SUBMIT, { input: { jws, waitMs: 20_000 } });
}

const BATCH = `id jti state itemCount postedCount duplicateCount pendingCount refusedCount ledgerVersion sequence
  receipt partner { id }
  outcomes(first: 2) { edges { node { index outcome code path } } pageInfo { hasNextPage endCursor } totalCount }`;
const SUBMIT = `mutation ($input: SubmitBatchInput!) {
  submitBatch(input: $input) { batch { ${BATCH} } receipt replayed } }`;
const TRANSACTIONS = `query ($filter: TransactionFilter, $first: Int, $after: String) {
  transactions(filter: $filter, first: $first, after: $after) {
    edges { node { externalId kind state amount { amount currency } entry reverses
      batch { id } period { id } originPeriod { id } } }
    pageInfo { hasNextPage endCursor } totalCount } }`;
const TRANSACTION = `query ($id: String!, $partnerId: ID) {
  transaction(externalId: $id, partnerId: $partnerId) { externalId } }`;
const BALANCES = `query ($id: ID!, $at: DateTime, $atLeast: String) {
  node(id: $id) { ... on Partner {
    balances(at: $at, atLeast: $atLeast) { version accounts { account balance { amount } } } } } }`;

describe("a batch over HTTP", () => {
  test("is posted by a worker within the wait, and answers what became of each item", async () => {
    const items = [bet(), bet({ amount: "-1.00" }), rollback(bet())];
    const { data, errors } = await submitOverHttp(items);
    expect(errors).toBeUndefined();
    const { batch, receipt, replayed } = data.submitBatch;
    expect(replayed).toBe(false);
    expect(batch).toMatchObject({
      ...{ state: "POSTED", itemCount: 3, postedCount: 1, duplicateCount: 0, pendingCount: 1, refusedCount: 1 },
      ...{ ledgerVersion: "1", receipt, partner: { id: place.partner.id } },
    });
    expect(batch.outcomes.totalCount).toBe(3);
    expect(batch.outcomes.pageInfo.hasNextPage).toBe(true);
    const more = await ask(
      place,
      `query ($id: ID!, $after: String) { batch(id: $id) {
      outcomes(after: $after) { edges { node { index outcome code path } } } } }`,
      { id: batch.id, after: batch.outcomes.pageInfo.endCursor },
    );
    expect(
      [...batch.outcomes.edges, ...more.data.batch.outcomes.edges].map(({ node }: { node: unknown }) => node),
    ).toEqual([
      { index: 0, outcome: "POSTED", code: null, path: null },
      { index: 1, outcome: "REFUSED", code: "VALIDATION", path: "/transactions/1/amount" },
      { index: 2, outcome: "PENDING_ORIGINAL", code: null, path: null },
    ]);
  });

  test("is refused with its code, its failed check and no word of the input", async () => {
    const jws = await sign(payloadOf(app, place), {
      ...place.key,
      privateKey: (await openExchange(app)).key.privateKey,
    });
    const { errors } = await ask(place, SUBMIT, { input: { jws, waitMs: 0 } });
    expect(errors?.[0]?.extensions).toMatchObject({
      ...{ code: "SIGNATURE_INVALID", check: "SIGNATURE", kid: place.key.kid, retryable: false },
    });
    expect(JSON.stringify(errors)).not.toContain(jws.slice(20, 60));
  });

  test("of 9 MB is over the limit", async () => {
    const jws = await sign(payloadOf(app, place, { jti: "x".repeat(6_750_000) }), place.key);
    expect(await codeOf(place, SUBMIT, { input: { jws, waitMs: 0 } })).toBe("LIMIT_EXCEEDED");
  });

  test("needs the scope to submit", async () => {
    const reader = await seedPartner(app, place.home, { scopes: ["batches:read"] });
    expect(await codeOf(reader, SUBMIT, { input: { jws: "x", waitMs: 0 } })).toBe("FORBIDDEN");
  });

  test("whose job was lost is queued again by the sweeper, or posted without any queue", async () => {
    const jws = await sign(payloadOf(app, place), place.key);
    // Without Redis, adding a job answers false.
    const cutOff = { ...app, queues: { ...app.queues, add: async () => false } };
    const { batch } = await submitBatch(cutOff, place.actor, { jws, waitMs: 0 });
    expect(batch.state).toBe("ACCEPTED");
    expect(await sweepForAllTenants(app, app.clock.now())).toBe(1);
    await expect.poll(() => stateOf(batch.id), { timeout: 20_000 }).toBe("POSTED");
    const other = await sign(payloadOf(app, place), place.key);
    const second = await submitBatch(cutOff, place.actor, { jws: other, waitMs: 0 });
    expect(await pollForAllTenants(app)).toBe(1);
    expect(await stateOf(second.batch.id)).toBe("POSTED");
  });

  test("is proven to be in the log by its inclusion proof and the published keys", async () => {
    const { data } = await submitOverHttp([bet()]);
    const { id, receipt } = data.submitBatch.batch;
    const query = `query ($id: ID!) {
      log { verifierKey } batch(id: $id) { inclusionProof { index leaf detail leafHash hashes checkpoint file } } }`;
    expect((await ask(place, query, { id })).data.batch.inclusionProof).toBeNull();
    await numberActsForAllTenants(app, present(await tryLease(app, "relay"), "the lease"));
    await signCheckpoint(app, place.tenant);
    const { log, batch } = (await ask(place, query, { id })).data;
    const { inclusionProof } = batch;
    const { index, leaf, detail } = inclusionProof;
    const policy = readPolicy({ log: log.verifierKey, witnesses: [], quorum: null });
    expect(openProof(inclusionProof.file, policy)).toMatchObject({ found: { index, leaf, detail } });
    const payload = JSON.parse(Buffer.from(receipt.split(".")[1], "base64url").toString());
    expect(payload.leafHash).toBe(inclusionProof.leafHash);
    expect(JSON.parse(inclusionProof.detail).after.payloadSha256).toBe(payload.payloadSha256);
  });
});

describe("reading", () => {
  test("transactions by period, kind, id and time, page by page, each once", async () => {
    const original = bet({ occurredAt: onDay(4) });
    const [dice, undone] = [bet({ product: "dice", kind: "WIN" }), rollback(original)];
    await send(app, place, [original, bet(), dice, undone, rollback(bet())]);
    const find = async (filter: Sent) => {
      const { data } = await ask(place, TRANSACTIONS, { filter, first: 50 });
      return data.transactions.edges.map(({ node }: { node: { externalId: string } }) => node.externalId);
    };
    const { id: periodId } = await periodOn(app, place, 4);
    expect(await find({ periodId })).toEqual([original["id"], undone["id"]]);
    expect(await find({ kind: "WIN" })).toEqual([dice["id"]]);
    expect(await find({ externalId: undone["id"] })).toEqual([undone["id"]]);
    expect(await find({ occurredFrom: onDay(9), occurredBefore: onDay(9, 7) })).toHaveLength(2);
    const seen: string[] = [];
    for (let after: string | null = null; ; ) {
      const { data }: Answer = await ask(place, TRANSACTIONS, { first: 2, after });
      const { edges, pageInfo, totalCount } = data.transactions;
      expect(totalCount).toBe(5);
      seen.push(...edges.map(({ node }: { node: { externalId: string } }) => node.externalId));
      if (!pageInfo.hasNextPage) break;
      after = pageInfo.endCursor;
    }
    expect(new Set(seen).size).toBe(5);
    expect(seen).toHaveLength(5);
  });

  test("a transaction with its batch, entry and periods; while it waits, without", async () => {
    const [item, early] = [bet(), rollback(bet())];
    const { data } = await submitOverHttp([item, early]);
    const period = await periodOn(app, place, 9);
    const read = async (externalId: unknown) => {
      const answer = await ask(place, TRANSACTIONS, { filter: { externalId } });
      return answer.data.transactions.edges[0].node;
    };
    expect(await read(item["id"])).toEqual({
      ...{ externalId: item["id"], kind: "BET", state: "POSTED", amount: { amount: "1.00", currency: "USD" } },
      ...{ entry: "1", reverses: null, batch: { id: data.submitBatch.batch.id } },
      ...{ period: { id: period.id }, originPeriod: { id: period.id } },
    });
    const waiting = { state: "PENDING_ORIGINAL", entry: null, period: null, originPeriod: null };
    expect(await read(early["id"])).toMatchObject(waiting);
  });

  test("balances now, at a version and in the past", async () => {
    const { data } = await submitOverHttp([bet()]);
    const atLeast = data.submitBatch.batch.ledgerVersion;
    const id = place.partner.id;
    const now = await ask(place, BALANCES, { id, atLeast });
    expect(now.data.node.balances).toEqual({
      version: "1",
      accounts: [
        { account: "CLEARING", balance: { amount: "1.00" } },
        { account: "STAKES", balance: { amount: "-1.00" } },
      ],
    });
    const before = await ask(place, BALANCES, { id, at: "2026-03-10T11:59:59.000Z" });
    expect(before.data.node.balances).toEqual({ version: "0", accounts: [] });
    expect(await codeOf(place, BALANCES, { id, atLeast: "99" })).toBe("VALIDATION");
    expect(await codeOf(place, BALANCES, { id, atLeast: "one" })).toBe("VALIDATION");
  });

  test("what belongs to another partner or tenant answers as if it did not exist", async () => {
    const item = bet();
    const { batch } = await submit(app, place, { transactions: [item] });
    await postBatches(app, place.partner);
    const { id: periodId } = await periodOn(app, place, 9);
    const neighbour = await openExchange(app, { home: place.home });
    const stranger = await openExchange(app);
    const admin = await seedClient(app, stranger.home.actor, null);
    const partnerId = place.partner.id;
    for (const client of [neighbour, stranger, admin]) {
      expect(await codeOf(client, "query ($id: ID!) { batch(id: $id) { id } }", { id: batch.id })).toBe("NOT_FOUND");
      expect(await codeOf(client, "query ($id: ID!) { node(id: $id) { id } }", { id: partnerId })).toBe("NOT_FOUND");
      expect(await codeOf(client, TRANSACTION, { id: item["id"], partnerId })).toBe("NOT_FOUND");
      expect(await codeOf(client, TRANSACTIONS, { filter: { partnerId } })).toBe("NOT_FOUND");
      expect((await download(client, periodId, "csv")).status).toBe(404);
    }
    expect(await codeOf(neighbour, TRANSACTION, { id: item["id"] })).toBe("NOT_FOUND");
    expect(await codeOf(neighbour, TRANSACTIONS, { filter: { periodId } })).toBe("NOT_FOUND");
    const own = await seedClient(app, place.home.actor, null);
    expect(await codeOf(own, TRANSACTION, { id: item["id"], partnerId })).toBeUndefined();
  });

  test("a cursor that was made by hand is refused", async () => {
    const cursor = (text: string) => Buffer.from(text).toString("base64url");
    expect(await codeOf(place, TRANSACTIONS, { after: "x" })).toBe("VALIDATION");
    expect(await codeOf(place, TRANSACTIONS, { after: cursor("batches:1") })).toBe("VALIDATION");
  });
});

describe("a period's download", () => {
  const HEAD =
    "id,kind,state,product,brand,round,amount,currency,occurredAt,recordedAt," +
    "reverses,category,units,batch,entry,originPeriod";

  test("is CSV with every transaction of the period, and no cell a formula", async () => {
    const [plain, sly] = [bet({ brand: "north", round: "-1" }), bet({ id: "-2.1", kind: "WIN", amount: "0.05" })];
    const { batch } = await submit(app, place, { transactions: [plain, sly, bet({ occurredAt: onDay(8) })] });
    await postBatches(app, place.partner);
    const { id } = await periodOn(app, place, 9);
    const answer = await download(place, id, "csv");
    expect(answer.status).toBe(200);
    expect(answer.headers.get("content-type")).toBe("text/csv; charset=utf-8; header=present");
    expect(answer.headers.get("content-disposition")).toBe(`attachment; filename="transactions-${id}.csv"`);
    expect(
      (await answer.text()).split("\r\n").map((line) => line.replace(/2026-03-10T12:00:\d\d\.\d{3}Z/, "RECORDED")),
    ).toEqual([
      HEAD,
      `${String(plain["id"])},BET,POSTED,crash,north,'-1,1.00,USD,${onDay(9)},RECORDED,,,,${batch.id},1,${id}`,
      `'-2.1,WIN,POSTED,crash,,,0.05,USD,${onDay(9)},RECORDED,,,,${batch.id},1,${id}`,
      "",
    ]);
  });

  test("keeps the minus of a negative amount, which is a number", async () => {
    const from = { ...(await seedClient(app, place.home.actor, null)), tenant: place.tenant };
    const item = bet({ kind: "ADJUSTMENT", amount: "-2.50", product: undefined });
    await send(app, place, [item], { from, sub: place.partner.id });
    const { id } = await periodOn(app, place, 9);
    expect(await (await download(place, id, "csv")).text()).toContain(",-2.50,USD,");
  });

  test("is NDJSON with one object a line, for the tenant's own people as well", async () => {
    const item = bet();
    await send(app, place, [item]);
    const { id } = await periodOn(app, place, 9);
    const admin = await seedClient(app, place.home.actor, null);
    const answer = await download(admin, id, "ndjson");
    expect(answer.headers.get("content-type")).toBe("application/x-ndjson");
    const [line = "", ...rest] = (await answer.text()).split("\n");
    expect(rest).toEqual([""]);
    expect(JSON.parse(line)).toMatchObject({
      id: item["id"],
      amount: "1.00",
      product: "crash",
      brand: null,
      units: null,
    });
  });

  test("of a period without transactions is a head alone, or nothing", async () => {
    const { id } = await periodOn(app, place, 9);
    expect(await (await download(place, id, "csv")).text()).toBe(`${HEAD}\r\n`);
    expect(await (await download(place, id, "ndjson")).text()).toBe("");
  });

  test("has all rows however many there are, in order, and a caller may leave in the middle", async () => {
    const items = Array.from({ length: 5_000 }, () => bet());
    await send(app, place, items);
    const { id } = await periodOn(app, place, 9);
    const leaving = new AbortController();
    const cut = await download(place, id, "ndjson", leaving.signal);
    await cut.body?.getReader().read();
    leaving.abort();
    const lines = (await (await download(place, id, "ndjson")).text()).trimEnd().split("\n");
    expect(lines.map((line) => JSON.parse(line).id)).toEqual(items.map((item) => item["id"]));
  });

  test("is refused without a token, without the scope, and for what is no period, in JSON", async () => {
    const { id } = await periodOn(app, place, 9);
    const unscoped = await seedPartner(app, place.home, { scopes: ["balances:read"] });
    const url = `${api.url}/periods/${id}/transactions.csv`;
    const answers = [
      await fetch(url),
      await fetch(url, { headers: { authorization: "Bearer nonsense" } }),
      await download(unscoped, id, "csv"),
      await download(place, "prd_01h455vb4pex5vsknk084sn02q", "csv"),
      await download(place, "p%C3%A9riode", "ndjson"),
      await download(place, id, "xml"),
    ];
    expect(answers.map(({ status }) => status)).toEqual([401, 401, 403, 404, 404, 404]);
    const codes = await Promise.all(answers.map(async (answer) => codeIn(await answer.text())));
    expect(codes).toEqual(["UNAUTHENTICATED", "UNAUTHENTICATED", "FORBIDDEN", "NOT_FOUND", "NOT_FOUND", "NOT_FOUND"]);
    expect(answers[0]?.headers.get("www-authenticate")).toBe(CHALLENGE);
  });
});

function codeIn(text: string): unknown {
  return JSON.parse(text).errors[0].extensions.code;
}

async function download(client: SeededClient, periodId: string, extension: string, signal: AbortSignal | null = null) {
  const headers = { authorization: `Bearer ${await client.token()}` };
  return fetch(`${api.url}/periods/${periodId}/transactions.${extension}`, { headers, signal });
}

async function stateOf(id: string): Promise<string> {
  const [row] = await app.database.query("select state from batch where tenant_no = ? and id = ?", [
    place.tenant.no,
    id,
  ]);
  return row.state;
}
