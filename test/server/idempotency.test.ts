import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { ActType } from "../../src/acts/entities.js";
import { signingKey } from "../../src/identity/keys/service.js";
import { present } from "../../src/kernel/assert.js";
import { ensurePlatformTenant } from "../../src/tenancy/service.js";
import { newKey } from "../identity/signing.js";
import { openPlace, type Place, periods } from "../settlement/place.js";
import { type Answer, testApi } from "../support/api.js";
import { testApp } from "../support/app.js";
import { example } from "../support/contracts.js";
import { type SeededClient, seedClient } from "../support/seeds.js";

/** Two api processes on one database. */
const app = await testApp();
const { clock, config } = app;
const second = await testApp({ clock, config: { redisPrefix: config.redisPrefix, publicUrl: config.publicUrl } });
const apis = [await testApi(app), await testApi(second)];

/** What a mutation's payload holds, by the ending of its name. */
const NOUNS: readonly [RegExp, string][] = [
  [/Tenant$/, "tenant"],
  [/Partner$/, "partner"],
  [/Client$/, "client"],
  [/Key$/, "key"],
  [/Configuration$/, "configuration"],
  [/Period$/, "period"],
  [/SettlementRun$/, "run"],
  [/ExchangeRate$/, "exchangeRate"],
  [/(simulateSettlement|Simulation)$/, "simulation"],
];

type Input = Readonly<Record<string, unknown>>;

/** A mutation, whoever may send it, what it asks for, and what tells of its one change. */
interface Repeatable {
  readonly from: SeededClient;
  readonly input: Input;
  /** The same key for something else. */
  readonly other: Input;
  /** The act of the change; where nothing of settlement changes, a condition on simulations. */
  readonly act: ActType | { readonly simulation: string };
  /** What the payload answers with. */
  readonly noun: string;
}

let place: Place;
let manager: SeededClient;
let keys = 0;

const mutations: Record<string, () => Promise<Repeatable>> = {
  createTenant: async () => {
    const platform = await ensurePlatformTenant(app);
    const operators = { ...place.shell, tenantId: platform.id, tenantNo: platform.no };
    const from = await seedClient(app, operators, null, ["operations:manage", "clients:manage"]);
    return { from, input: { name: "Next" }, other: { name: "Other" }, act: ActType.TENANT_CREATED, noun: "tenant" };
  },
  createPartner: async () => {
    const input = { code: "next", name: "Next", kind: "AFFILIATE", timezone: "UTC", currencies: ["USD"] };
    return { from: manager, input, other: { ...input, code: "p" }, act: ActType.PARTNER_CREATED, noun: "partner" };
  },
  createClient: async () => {
    const jwks = JSON.stringify((await newKey()).publicJwk);
    const input = { partnerId: place.partner.id, name: "feed", scopes: ["batches:submit"], jwks };
    return { from: manager, input, other: { ...input, name: "x" }, act: ActType.CLIENT_CREATED, noun: "client" };
  },
  registerKey: async () => {
    const input = { clientId: place.client.id, jwk: JSON.stringify((await newKey()).publicJwk) };
    const other = { ...input, jwk: JSON.stringify((await newKey()).publicJwk) };
    return { from: manager, input, other, act: ActType.KEY_REGISTERED, noun: "key" };
  },
  revokeKey: async () => {
    const owner = await seedClient(app, place.shell, place.partner.id);
    const key = present(await signingKey(app, place.tenant.id, owner.key.kid), "a registered key");
    const input = { keyId: key.id, reason: "lost" };
    return { from: manager, input, other: { ...input, reason: "sold" }, act: ActType.KEY_REVOKED, noun: "key" };
  },
  draftConfiguration: async () => {
    const input = { partnerId: place.partner.id, document: example("config-daily-12pct") };
    const other = { ...input, document: { ...input.document, name: "another" } };
    return { from: manager, input, other, act: ActType.CONFIGURATION_DRAFTED, noun: "configuration" };
  },
  submitConfiguration: async () => {
    const input = { configurationId: await drafted(), effectiveFrom: "2026-03-23T00:00:00.000Z" };
    const other = { ...input, effectiveFrom: "2026-03-30T00:00:00.000Z" };
    return { from: manager, input, other, act: ActType.CONFIGURATION_SUBMITTED, noun: "configuration" };
  },
  returnConfiguration: async () => {
    const input = { configurationId: await submitted(), reason: "the rate" };
    const other = { ...input, reason: "the grace" };
    return { from: manager, input, other, act: ActType.CONFIGURATION_RETURNED, noun: "configuration" };
  },
  activateConfiguration: async () => {
    const input = { configurationId: await submitted(), effectiveFrom: "2026-03-23T00:00:00.000Z" };
    const from = await seedClient(app, place.shell, null); // who drafted it may not
    const other = { ...input, effectiveFrom: "2026-03-30T00:00:00.000Z" };
    return { from, input, other, act: ActType.CONFIGURATION_ACTIVATED, noun: "configuration" };
  },
  closePeriod: async () => {
    const [first, next] = await periods(app, place);
    const input = { periodId: first?.id };
    return { from: manager, input, other: { periodId: next?.id }, act: ActType.PERIOD_CLOSED, noun: "period" };
  },
  startSettlementRun: async () => {
    const input = { through: "2026-03-05T15:00:00.000Z" };
    const other = { through: "2026-03-04T15:00:00.000Z" };
    return { from: manager, input, other, act: ActType.SETTLEMENT_RUN_STARTED, noun: "run" };
  },
  cancelSettlementRun: async () => {
    const started = { through: "2026-03-05T15:00:00.000Z", idempotencyKey: "run" };
    const input = { runId: idIn(await send("startSettlementRun", manager, started), "run") };
    const next = { through: "2026-03-04T15:00:00.000Z", idempotencyKey: "next" };
    const other = { runId: idIn(await send("startSettlementRun", manager, next), "run") };
    return { from: manager, input, other, act: ActType.SETTLEMENT_RUN_CANCELLED, noun: "run" };
  },
  enterExchangeRate: async () => {
    const asOf = "2026-03-09T00:00:00.000Z";
    const input = { base: "KRW", quote: "USD", type: "DAILY_CLOSE", source: "bank", asOf, rate: "0.00075" };
    const other = { ...input, rate: "0.00076" };
    return { from: manager, input, other, act: ActType.EXCHANGE_RATE_ENTERED, noun: "exchangeRate" };
  },
  simulateSettlement: async () => {
    const periodId = await settledPeriod();
    const other = { periodId, document: example("config-weekly-ggr") };
    return { from: manager, input: { periodId }, other, act: { simulation: "true" }, noun: "simulation" };
  },
  cancelSimulation: async () => {
    const periodId = await settledPeriod();
    const ids: string[] = [];
    for (const idempotencyKey of ["one", "two"]) {
      ids.push(idIn(await send("simulateSettlement", manager, { periodId, idempotencyKey }), "simulation"));
    }
    await app.database.query("update simulation set state = 'RUNNING' where tenant_id = ?", [place.tenant.id]);
    const [input, other] = ids.map((simulationId) => ({ simulationId }));
    const act = { simulation: "state = 'CANCELLED'" };
    return { from: manager, input: input ?? {}, other: other ?? {}, act, noun: "simulation" };
  },
};

describe.each(Object.keys(mutations))("%s", (name) => {
  test("sent often to two processes at once, and again later, changes one thing and answers the same", async () => {
    await open();
    const { from, input, act, noun } = await prepared(name);
    const before = await actsOf(act);
    const all = await Promise.all(Array.from({ length: 6 }, (_, index) => send(name, from, input, index % 2)));
    app.clock.advance(60 * 86_400_000);
    all.push(await send(name, from, input, 1));
    expect(all.flatMap(({ errors = [] }) => errors)).toEqual([]);
    expect(new Set(all.map((answer) => idIn(answer, noun))).size).toBe(1);
    expect((await actsOf(act)) - before).toBe(1);
  });

  test("sent for something else under the same key is refused and changes nothing", async () => {
    await open();
    const { from, input, other, act } = await prepared(name);
    const before = await actsOf(act);
    const key = { idempotencyKey: input["idempotencyKey"] };
    expect((await send(name, from, input)).errors).toBeUndefined();
    expect(await codesIn(send(name, from, { ...other, ...key }, 1))).toEqual(["IDEMPOTENCY_CONFLICT"]);
    expect((await actsOf(act)) - before).toBe(1);
  });
});

test("these are all mutations that there are, but submitBatch, which has its jti", () => {
  const schema = readFileSync(new URL("../../schema/schema.graphql", import.meta.url), "utf8");
  const [, body = ""] = /^type Mutation \{\n(.*?)^\}/ms.exec(schema) ?? [];
  const names = [...body.matchAll(/^ {2}(\w+)\(/gm)].map(([, name]) => String(name));
  expect(names.filter((name) => name !== "submitBatch").toSorted()).toEqual(Object.keys(mutations).toSorted());
});

async function open(): Promise<void> {
  app.clock.set("2026-03-10T12:00:00.000Z");
  place = await openPlace(app, "2026-03-01T15:00:00.000Z");
  manager = await seedClient(app, place.shell, null);
}

/** The place's first period, settled. */
async function settledPeriod(): Promise<string> {
  const [first] = await periods(app, place);
  const periodId = present(first, "a period").id;
  await send("closePeriod", manager, { periodId, idempotencyKey: "close" });
  return periodId;
}

/** A draft of the manager's. */
async function drafted(): Promise<string> {
  const document = example("config-weekly-ggr");
  const input = { partnerId: place.partner.id, document, idempotencyKey: "draft" };
  return idIn(await send("draftConfiguration", manager, input), "configuration");
}

/** A draft that was submitted for approval. */
async function submitted(): Promise<string> {
  const configurationId = await drafted();
  const input = { configurationId, effectiveFrom: "2026-03-23T00:00:00.000Z", idempotencyKey: "submit" };
  return idIn(await send("submitConfiguration", manager, input), "configuration");
}

async function prepared(name: string): Promise<Repeatable> {
  const made = await present(mutations[name], "a mutation")();
  keys += 1;
  return { ...made, input: { ...made.input, idempotencyKey: `key-${keys}` } };
}

async function send(name: string, from: SeededClient, input: Input, process = 0): Promise<Answer> {
  const type = `${name.charAt(0).toUpperCase()}${name.slice(1)}Input`;
  const noun = NOUNS.find(([ending]) => ending.test(name))?.[1] ?? "";
  const query = `mutation ($input: ${type}!) { ${name}(input: $input) { ${noun} { id } } }`;
  return present(apis[process], "an api").ask({ query, variables: { input }, token: await from.token() });
}

function idIn({ data }: Answer, noun: string): string {
  const [payload] = Object.values<Record<string, { id: string }>>(data);
  return present(payload?.[noun]?.id, "the id of what was changed");
}

async function codesIn(answer: Promise<Answer>): Promise<unknown[]> {
  return ((await answer).errors ?? []).map(({ extensions }) => extensions["code"]);
}

/** How many changes of that kind all tenants have seen. */
async function actsOf(act: Repeatable["act"]): Promise<number> {
  const [{ acts }] =
    typeof act === "string"
      ? await app.database.query("select count(*) as acts from act where type = ?", [act])
      : await app.database.query(`select count(*) as acts from simulation where ${act.simulation}`);
  return Number(acts);
}
