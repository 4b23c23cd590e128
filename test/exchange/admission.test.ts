import { once } from "node:events";
import { request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { describe, expect, onTestFinished, test } from "vitest";
import {
  type Backlog,
  fullnessOf,
  intakeFullness,
  nextTurn,
  type Waiting,
} from "../../src/exchange/admission/rules.js";
import { intakeOf } from "../../src/exchange/admission/service.js";
import { Batch } from "../../src/exchange/entities.js";
import { submitBatch } from "../../src/exchange/submission/service.js";
import { CodedError } from "../../src/kernel/errors.js";
import { BACKLOG_DEFAULTS, type BacklogLimits } from "../../src/platform/config.js";
import { closeApp } from "../../src/platform/open-app.js";
import { openTestApi, type TestApi } from "../support/api.js";
import { openTestApp, type TestApp, testApp } from "../support/app.js";
import { bet, openExchange, payloadOf, post, type Signer, sign, submit } from "../support/batches.js";
import { seedClient, seedTenant } from "../support/seeds.js";

const app = await testApp();
const limit = (batchesMax: number, bytesMax = 1_000_000) => ({ batchesMax, bytesMax });
const amount = (batches: number, bytes = 0, oldestMs = 0): Waiting => ({ batches, bytes, oldestMs });

describe("who may wait", () => {
  const limits = { partner: limit(1_000), tenant: limit(100), installation: limit(100), ageMsMax: 1_000 };

  test("whoever holds nothing is let in for as long as there is room", () => {
    const below = fc.nat({ max: 99 });
    fc.assert(
      fc.property(below, below, (inTenant, elsewhere) => {
        const backlog = { partner: amount(0), tenant: amount(inTenant), installation: amount(inTenant + elsewhere) };
        const isRoom = inTenant < 100 - inTenant - elsewhere && inTenant + elsewhere < 100;
        expect(fullnessOf(backlog, limits) === null).toBe(isRoom);
      }),
    );
  });

  test("however greedy they are, all together stay within the limit, and nobody alone takes more than half", () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 5 }), { minLength: 200, maxLength: 600 }), (arrivals) => {
        const held = new Map<number, number>();
        const all = () => [...held.values()].reduce((sum, count) => sum + count, 0);
        for (const who of arrivals) {
          const own = held.get(who) ?? 0;
          const backlog = { partner: amount(own), tenant: amount(own), installation: amount(all()) };
          if (fullnessOf(backlog, { ...limits, tenant: limit(1_000) }) === null) held.set(who, own + 1);
        }
        expect(all()).toBeLessThan(100);
        expect(Math.max(...held.values())).toBeLessThanOrEqual(50);
      }),
    );
  });

  test.each<[string, Partial<Backlog>, object]>([
    ["batches", { partner: amount(1_000, 0, 500) }, { level: "PARTNER", unit: "batches", roomMs: 0.5 }],
    ["bytes", { partner: amount(10, 2_000_000, 500) }, { level: "PARTNER", unit: "bytes", roomMs: 300 }],
    ["age", { partner: amount(10, 0, 1_500) }, { level: "PARTNER", unit: "age", roomMs: 650 }],
    ["the tenant's", { partner: amount(30), tenant: amount(70, 0, 700) }, { level: "TENANT", unit: "batches" }],
    ["all", { tenant: amount(60), installation: amount(60) }, { level: "INSTALLATION", unit: "batches" }],
  ])("a limit that is met is named, and how long it takes to drain: %s", (_name, over, expected) => {
    const nothing = { partner: amount(0), tenant: amount(0), installation: amount(0) };
    expect(fullnessOf({ ...nothing, ...over }, limits)).toMatchObject(expected);
  });

  test("what a process has at work is shared by the same rule", () => {
    expect(intakeFullness(amount(49), amount(50), limit(100))).toBe(null);
    expect(intakeFullness(amount(50), amount(50), limit(100))).toMatchObject({ level: "INTAKE", unit: "batches" });
    expect(intakeFullness(amount(0, 5), amount(0, 999_995), limit(100))).toMatchObject({ unit: "bytes" });
  });

  test("those refused are told to come again one after the other, within bounds", () => {
    const full = { level: "PARTNER", unit: "batches", roomMs: 1_000, batchMs: 20 } as const;
    const first = nextTurn(full, 5_000, 0);
    expect([first, nextTurn(full, 5_000, first), nextTurn(full, 5_001, first + 20)]).toEqual([6_000, 6_020, 6_040]);
    expect(nextTurn({ ...full, roomMs: 0 }, 5_000, 0)).toBe(5_250);
    expect(nextTurn({ ...full, roomMs: 1e9 }, 5_000, 1e9)).toBe(15_000);
  });
});

describe("a backlog at its limit", () => {
  test("refuses with RATE_LIMITED and says when to come again; nothing of it is stored", async () => {
    const { app: small, place } = await smallApp({ partner: limit(3) });
    for (let i = 0; i < 3; i++) await submit(small, place);
    const acts = await actCount();
    const refusal = await refusalOf(submit(small, place));
    expect(refusal).toMatchObject({ code: "RATE_LIMITED", retryable: true });
    expect(refusal.details.retryAfterMs).toBeGreaterThanOrEqual(250);
    expect(refusal.details.retryAfterMs).toBeLessThanOrEqual(10_000);
    expect([await waitingOf(place), await actCount()]).toEqual([3, acts]);
    expect(await text(small)).toContain('quittance_batches_rate_limited_total{level="PARTNER",unit="batches"} 1');

    async function actCount(): Promise<number> {
      const [{ acts }] = await small.database.query("select count(*) as acts from act where tenant_no = ?", [
        place.tenant.no,
      ]);
      return Number(acts);
    }
  });

  test("a batch that is known already is not looked at either; its answer comes once there is room", async () => {
    const { app: small, place } = await smallApp({ partner: limit(1) });
    const jws = await sign(payloadOf(small, place), place.key);
    const first = await submitBatch(small, place.actor, { jws, waitMs: 0 });
    expect((await refusalOf(submitBatch(small, place.actor, { jws, waitMs: 0 }))).code).toBe("RATE_LIMITED");
    await post(small, place);
    const again = await persistently(() => submitBatch(small, place.actor, { jws, waitMs: 0 }));
    expect(again).toMatchObject({ replayed: true, receipt: first.receipt, batch: { state: "POSTED" } });
  });

  test("opens again once what waits is posted", async () => {
    const { app: small, place } = await smallApp({ partner: limit(2) });
    for (let i = 0; i < 2; i++) await submit(small, place);
    await refusalOf(submit(small, place));
    await post(small, place);
    expect((await persistently(() => submit(small, place))).replayed).toBe(false);
  });

  test("counts bytes", async () => {
    const { app: small, place } = await smallApp({ partner: limit(1_000, 10_000) });
    await submit(small, place, { transactions: Array.from({ length: 100 }, () => bet()) });
    expect((await refusalOf(submit(small, place))).code).toBe("RATE_LIMITED");
  });

  test("counts how long the oldest batch has waited", async () => {
    const { app: small, place } = await smallApp({ ageMsMax: 60_000 });
    await submit(small, place);
    small.clock.advance(59_000);
    await submit(small, place);
    small.clock.advance(2_000);
    expect((await refusalOf(submit(small, place))).code).toBe("RATE_LIMITED");
  });

  test("of one partner or tenant leaves others room; full for all, it refuses all", async () => {
    const { app: small, place: hot } = await smallApp({ tenant: limit(10), installation: limit(16) });
    const held = { hot: await fill(hot) };
    expect(held.hot).toBe(5); // as much as is left to others
    const sibling = await openExchange(small, { home: hot.home });
    const stranger = await openExchange(small);
    expect(await fill(sibling)).toBeGreaterThanOrEqual(2);
    expect(await fill(stranger)).toBeGreaterThanOrEqual(3);
    const [{ waiting }] = await small.database.query(
      "/* all tenants */ select count(*) as waiting from batch where state = 'ACCEPTED'",
    );
    expect(Number(waiting)).toBeLessThanOrEqual(16);

    async function fill(to: Signer): Promise<number> {
      for (let taken = 0; ; taken++) {
        const outcome = await submit(small, to).catch((error: unknown) => error);
        if (outcome instanceof CodedError) return taken;
      }
    }
  });

  test("lets no burst slip through that comes all at once, from one process or two", async () => {
    const { app: small, place } = await smallApp({ partner: limit(5) });
    const batches = await Promise.all(Array.from({ length: 40 }, () => sign(payloadOf(small, place), place.key)));
    const burst = await Promise.allSettled(
      batches.slice(0, 30).map((jws) => submitBatch(small, place.actor, { jws, waitMs: 0 })),
    );
    expect(burst.filter(({ status }) => status === "fulfilled")).toHaveLength(5);
    const other = await openApp({ partner: limit(5) }, small);
    for (const jws of batches.slice(30)) await refusalOf(submitBatch(other, place.actor, { jws, waitMs: 0 }));
    expect(await waitingOf(place)).toBe(5);
  });

  test("counts what a tenant signs for a partner as that partner's", async () => {
    const { app: small, place } = await smallApp({ partner: limit(2) });
    const admin = await seedClient(small, place.home.actor, null);
    const from = { ...admin, tenant: place.tenant };
    for (let i = 0; i < 2; i++) await submit(small, from, { sub: place.partner.id });
    expect((await refusalOf(submit(small, from, { sub: place.partner.id }))).code).toBe("RATE_LIMITED");
    expect((await refusalOf(submit(small, place))).code).toBe("RATE_LIMITED");
    const sibling = await openExchange(small, { home: place.home });
    expect((await submit(small, from, { sub: sibling.partner.id })).replayed).toBe(false);
  });
});

describe("over HTTP", () => {
  const SUBMIT = "mutation ($jws: String!) { submitBatch(input: { jws: $jws, waitMs: 0 }) { batch { id } } }";

  test("a large body is refused before it is read, with 429 and Retry-After; other requests go on", async () => {
    const { app: small, place } = await smallApp({ partner: limit(1) });
    const api = await openApi(small);
    const token = await place.token();
    const many = Array.from({ length: 1_000 }, () => bet());
    const jws = await sign(payloadOf(small, place, { transactions: many }), place.key);
    expect((await api.ask({ query: SUBMIT, variables: { jws }, token })).errors).toBeUndefined();
    const refused = await api.ask({ query: SUBMIT, variables: { jws }, token });
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
    const [error] = refused.errors ?? [];
    expect(error?.extensions).toMatchObject({ code: "RATE_LIMITED", retryable: true });
    expect(error?.extensions["retryAfterMs"]).toBeGreaterThanOrEqual(250);
    for (const bytes of [20_000, 8_000_000]) {
      expect(await headersAlone(api, token, bytes).then((answer) => answer.status)).toBe(429);
    }
    expect((await api.ask({ query: "{ viewer { clientId } }", token })).errors).toBeUndefined();
    const little = await sign(payloadOf(small, place), place.key);
    const answer = await api.ask({ query: SUBMIT, variables: { jws: little }, token });
    expect([answer.status, answer.data]).toEqual([200, null]);
    expect(answer.errors?.[0]?.extensions).toMatchObject({ code: "RATE_LIMITED", retryAfterMs: expect.any(Number) });
  });

  test("no more large bodies are read at a time than fit; one that breaks off gives its place back", async () => {
    const { app: small, place } = await smallApp({ intake: limit(100, 1_000_000) });
    const api = await openApi(small);
    const token = await place.token();
    const first = await headersAlone(api, token, 600_000);
    await until(() => intakeOf(small).bytes === 600_000);
    expect(await headersAlone(api, token, 600_000).then((answer) => answer.status)).toBe(429);
    expect(await headersAlone(api, token, "unknown", "/graphql/stream").then((answer) => answer.status)).toBe(429);
    first.end();
    await until(() => intakeOf(small).bytes === 0);
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const body = JSON.stringify({ query: "{ __typename }", variables: { a: "x".repeat(600_000) } });
    expect((await fetch(`${api.url}/graphql`, { method: "POST", headers, body })).status).toBe(200);
    await until(() => intakeOf(small).bytes === 0);
  });
});

/** An App with smaller limits, and a partner in it. */
async function smallApp(limits: Partial<BacklogLimits>) {
  const small = await openApp(limits);
  await small.database.query("/* all tenants */ update batch set state = 'PARKED' where state = 'ACCEPTED'");
  return { app: small, place: await openExchange(small, { home: await seedTenant(small) }) };
}

async function openApp(limits: Partial<BacklogLimits>, beside?: TestApp): Promise<TestApp> {
  const clock = beside === undefined ? {} : { clock: beside.clock };
  const opened = await openTestApp({
    ...clock,
    config: { backlog: { ...BACKLOG_DEFAULTS, behindMs: Number.MAX_SAFE_INTEGER, ...limits } },
  });
  onTestFinished(() => closeApp(opened));
  return opened;
}

async function openApi(of: TestApp): Promise<TestApi> {
  const api = await openTestApi(of);
  onTestFinished(() => api.close());
  return api;
}

async function refusalOf(work: Promise<unknown>): Promise<CodedError> {
  const error = await work.then(
    () => "it was taken",
    (thrown: unknown) => thrown,
  );
  if (error instanceof CodedError) return error;
  throw error;
}

/** As a client does it: while it is told to, it waits and asks again. */
async function persistently<T>(work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof CodedError) || error.details.retryAfterMs === undefined) throw error;
      await sleep(error.details.retryAfterMs);
    }
  }
}

async function waitingOf({ tenant, partner }: Signer): Promise<number> {
  const partnerNo = partner?.no ?? 0;
  return app.database.manager.countBy(Batch, { tenantNo: tenant.no, partnerNo });
}

async function text(of: TestApp): Promise<string> {
  return of.metrics.registry.metrics();
}

/** A request that announces a body and never sends it; answered only if that is not waited for. */
async function headersAlone(api: TestApi, token: string, bytes: number | "unknown", path = "/graphql") {
  const length = bytes === "unknown" ? { "transfer-encoding": "chunked" } : { "content-length": String(bytes) };
  const headers = {
    authorization: `Bearer ${token}`,
    "content-type": "application/json",
    ...length,
  };
  const sent = request(api.url + path, { method: "POST", headers, agent: false });
  sent.on("error", () => undefined); // we break it off
  onTestFinished(() => void sent.destroy());
  sent.flushHeaders();
  const answered = once(sent, "response").then(([response]) => Number(response.statusCode));
  const status = await Promise.race([answered, sleep(1_000, null)]);
  return { status, end: () => sent.destroy() };
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await sleep(10);
}
