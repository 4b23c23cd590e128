import { expect, test } from "vitest";
import { numberActsForAllTenants } from "../../src/events/relay/service.js";
import { present } from "../../src/kernel/assert.js";
import { newId } from "../../src/kernel/ids.js";
import { tryLease } from "../../src/platform/lease.js";
import { ThreatFact, ThreatSubject } from "../../src/threat/entities.js";
import { DEFAULT_RULES } from "../../src/threat/rules.js";
import { type Answer, testApi } from "../support/api.js";
import { testApp } from "../support/app.js";
import { bet, type Exchange, openExchange, payloadOf, post, send, sign, submit } from "../support/batches.js";
import { type SeededClient, seedClient } from "../support/seeds.js";
import { EVERY_BATCH, enforce } from "./place.js";

const app = await testApp();
const api = await testApi(app);
/** Another process. */
const second = await testApi(
  await testApp({ clock: app.clock, config: { redisPrefix: app.config.redisPrefix, publicUrl: app.config.publicUrl } }),
);

const SUBMIT = `mutation ($jws: String!) { submitBatch(input: { jws: $jws, waitMs: 0 }) { replayed receipt
  batch { id state quarantine { cause decision reason decidedBy assessments { id } } } } }`;

test("a tenant drafts rules, another person activates them, and a partner's batch is quarantined by them", async () => {
  const { place, admin, other } = await open();
  const document = { ...DEFAULT_RULES, history: { days: 0, batches: 0 }, rules: [EVERY_BATCH] };
  const drafted = await ask(admin, mutation("draftThreatRules", "threatRules { id state version }"), { document });
  const rules = drafted.data.draftThreatRules.threatRules;
  expect(rules).toMatchObject({ state: "DRAFT", version: 1 });
  const activate = mutation("activateThreatRules", "threatRules { state activatedBy }");
  expect(codes(await ask(admin, activate, { threatRulesId: rules.id }))).toEqual(["FORBIDDEN"]);
  const activated = await ask(other, activate, { threatRulesId: rules.id });
  expect(activated.data.activateThreatRules.threatRules).toMatchObject({
    state: "ACTIVE",
    activatedBy: other.client.id,
  });
  const inForce = await ask(admin, "{ threatRulesInForce { document threatRules { id document documentSha256 } } }");
  expect(inForce.data.threatRulesInForce).toMatchObject({ document, threatRules: { id: rules.id, document } });
  const jws = await sign(payloadOf(app, place), place.key);
  const submitted = await ask(place, SUBMIT, { jws });
  expect(submitted.errors).toBeUndefined();
  expect(submitted.data.submitBatch.batch).toMatchObject({
    state: "QUARANTINED",
    quarantine: { cause: "ASSESSMENT", decision: null, assessments: [] },
  });
});

test("the queue says why, a person decides, and the partner reads the reason and no score", async () => {
  const { place, admin } = await open();
  await enforce(app, place.home.actor, [EVERY_BATCH]);
  const { batch } = await submit(app, place);
  const QUEUE = `{ quarantinedBatches { totalCount edges { node { cause decidedBy batch { id state partner { id } }
    assessments { verdict score reviewAt quarantineAt clientId contributions { rule fact value points } } } } } }`;
  const { totalCount, edges } = (await ask(admin, QUEUE)).data.quarantinedBatches;
  expect(totalCount).toBe(1);
  expect(edges[0].node).toMatchObject({
    ...{ cause: "ASSESSMENT", batch: { id: batch.id, state: "QUARANTINED", partner: { id: place.partner.id } } },
    assessments: [
      {
        ...{ verdict: "QUARANTINE", score: 100, reviewAt: 50, quarantineAt: 85, clientId: place.client.id },
        contributions: [{ rule: "new-key", fact: "NEW_KEY", value: 1, points: 100 }],
      },
    ],
  });
  const release = mutation("releaseQuarantinedBatch", "batch { state quarantine { decision decidedBy reason } }");
  expect(codes(await ask(place, release, { batchId: batch.id, reason: "mine" }))).toEqual(["FORBIDDEN"]);
  const released = await ask(admin, release, { batchId: batch.id, reason: "a new key" });
  expect(released.data.releaseQuarantinedBatch.batch).toEqual({
    state: "ACCEPTED",
    quarantine: { decision: "RELEASED", decidedBy: admin.client.id, reason: "a new key" },
  });
  await post(app, place);
  const read = await ask(place, `{ batch(id: "${batch.id}") { state quarantine { decision decidedBy reason } } }`);
  expect(read.data.batch).toEqual({
    state: "POSTED",
    quarantine: { decision: "RELEASED", decidedBy: null, reason: "a new key" },
  });
  expect((await ask(admin, QUEUE)).data.quarantinedBatches.totalCount).toBe(0);
});

test("a blocked client is refused whatever it asks, in every process, until the block is lifted", async () => {
  const { place, admin } = await open();
  const create = mutation("createThreatBlock", "threatBlock { id subject subjectId expiresAt partner { id } }");
  const { data } = await ask(admin, create, { clientId: place.client.id, reason: "stolen", minutes: 5 });
  const { id } = data.createThreatBlock.threatBlock;
  expect(data.createThreatBlock.threatBlock).toMatchObject({ subject: "CLIENT", partner: { id: place.partner.id } });
  const refused = await ask(place, "{ viewer { clientId } }");
  expect([refused.status, codes(refused)]).toEqual([403, ["QUARANTINED"]]);
  expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
  const elsewhere = async () => codes(await ask(place, "{ viewer { clientId } }", {}, second));
  await expect.poll(elsewhere, { timeout: 8_000, interval: 100 }).toEqual(["QUARANTINED"]);
  expect(codes(await ask(admin, "{ viewer { clientId } }"))).toEqual([]);
  const standing = "{ threatBlocks { edges { node { id reason blockedBy liftedAt } } } }";
  expect((await ask(admin, standing)).data.threatBlocks.edges).toHaveLength(1);
  const lift = mutation("liftThreatBlock", "threatBlock { liftedBy liftReason }");
  const lifted = await ask(admin, lift, { threatBlockId: id, reason: "found" });
  expect(lifted.data.liftThreatBlock.threatBlock).toEqual({ liftedBy: admin.client.id, liftReason: "found" });
  expect(codes(await ask(place, "{ viewer { clientId } }"))).toEqual([]);
  expect((await ask(admin, standing)).data.threatBlocks.edges).toEqual([]);
});

test("ids guessed over HTTP count, and a confirmed verdict makes the partner's thresholds stricter", async () => {
  const { place, admin } = await open();
  const guessing = { id: "guessing", subject: ThreatSubject.CLIENT, fact: ThreatFact.ENUMERATION, points: 60 };
  await enforce(app, place.home.actor, [{ ...guessing, from: 10, full: 10 }]);
  const guesses = Array.from({ length: 12 }, () => newId("bat", app.clock));
  await ask(place, "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", { ids: guesses });
  const found = await ask(
    admin,
    `{ threatAssessments(open: true, subject: CLIENT) { edges { node { id subjectId verdict
    judgement partner { id } } } } }`,
  );
  const [{ node }] = found.data.threatAssessments.edges;
  expect(node).toMatchObject({ subjectId: place.client.id, verdict: "REVIEW", partner: { id: place.partner.id } });
  const judge = mutation("judgeThreatAssessment", "thresholdPercent threatAssessment { judgement judgedBy }");
  const judged = await ask(admin, judge, { threatAssessmentId: node.id, judgement: "CONFIRMED", reason: "they did" });
  expect(judged.data.judgeThreatAssessment).toMatchObject({
    thresholdPercent: 95,
    threatAssessment: { judgement: "CONFIRMED", judgedBy: admin.client.id },
  });
});

test("a rehearsal says what a draft would have caught of the past, by which rule, and changes nothing", async () => {
  const { place, admin } = await open();
  await send(app, place, [bet({ amount: "2.00" })]);
  const bets = Array.from({ length: 200 }, () => bet({ amount: "1.00" }));
  await send(app, place, [...bets, bet({ kind: "WIN", amount: "9000.00" })]);
  await send(app, place, [bet()]);
  const thresholds = { ...DEFAULT_RULES.thresholds, BATCH: { reviewAt: 10, quarantineAt: 50 } };
  const document = { ...DEFAULT_RULES, thresholds };
  const drafted = await ask(admin, mutation("draftThreatRules", "threatRules { id }"), { document });
  const { id } = drafted.data.draftThreatRules.threatRules;
  const query = `{ rehearseThreatRules(partnerId: "${place.partner.id}", threatRulesId: "${id}") {
    batches since caught { verdict score batch { itemCount state } contributions { rule value points } } } }`;
  const told = async () => (await ask(admin, "{ threatAssessments { totalCount } }")).data.threatAssessments.totalCount;
  const before = await told();
  const rehearsed = await ask(admin, query);
  expect(rehearsed.data.rehearseThreatRules).toMatchObject({
    batches: 3,
    caught: [
      {
        ...{ verdict: "QUARANTINE", score: 60, batch: { itemCount: 201, state: "POSTED" } },
        contributions: [{ rule: "players-win-too-much", value: 45, points: 60 }],
      },
    ],
  });
  expect(await ask(admin, query)).toMatchObject({ data: rehearsed.data });
  expect(await told()).toBe(before);
});

test("verdicts, blocks and batches in quarantine are told live, in order", async () => {
  const { place, admin } = await open();
  await enforce(app, place.home.actor, [EVERY_BATCH]);
  await submit(app, place);
  await ask(admin, mutation("createThreatBlock", "threatBlock { id }"), {
    clientId: place.client.id,
    reason: "stolen",
  });
  const lease = present(await tryLease(app, "relay"), "the relay's lease");
  await numberActsForAllTenants(app, lease);
  const alerts = `subscription { threatAlerts(partnerId: "${place.partner.id}", afterSequence: 0) {
    kind subject verdict id } }`;
  const told = await streamed(admin, alerts, 2);
  expect(
    told.map(({ threatAlerts }) => [threatAlerts?.["kind"], threatAlerts?.["subject"], threatAlerts?.["verdict"]]),
  ).toEqual([
    ["ASSESSED", "BATCH", "QUARANTINE"],
    ["BLOCKED", "CLIENT", null],
  ]);
  const statuses = `subscription { batchStatus(partnerId: "${place.partner.id}", afterSequence: 0) { state } }`;
  expect(await streamed(admin, statuses, 1)).toEqual([{ batchStatus: { state: "QUARANTINED" } }]);
});

interface Opened {
  readonly place: Exchange;
  readonly admin: SeededClient;
  readonly other: SeededClient;
}

async function open(): Promise<Opened> {
  const place = await openExchange(app);
  const [admin, other] = [await seedClient(app, place.home.actor, null), await seedClient(app, place.home.actor, null)];
  return { place, admin, other };
}

let keys = 0;

function mutation(name: string, answer: string): string {
  const type = `${name.charAt(0).toUpperCase()}${name.slice(1)}Input`;
  return `mutation ($input: ${type}!) { ${name}(input: $input) { ${answer} } }`;
}

async function ask(
  from: SeededClient,
  query: string,
  values: Readonly<Record<string, unknown>> = {},
  door = api,
): Promise<Answer> {
  keys += 1;
  const variables = query.includes("$input") ? { input: { idempotencyKey: `key-${keys}`, ...values } } : values;
  return door.ask({ query, variables, token: await from.token() });
}

function codes({ errors = [] }: Answer): unknown[] {
  return errors.map(({ extensions }) => extensions["code"]);
}

/** The first so many events of a subscription. */
async function streamed(
  from: SeededClient,
  query: string,
  count: number,
): Promise<Record<string, Record<string, unknown>>[]> {
  const cut = new AbortController();
  const response = await fetch(`${api.url}/graphql/stream`, {
    method: "POST",
    headers: {
      ...{ authorization: `Bearer ${await from.token()}`, "content-type": "application/json" },
      accept: "text/event-stream",
    },
    body: JSON.stringify({ query }),
    signal: cut.signal,
  });
  let text = "";
  const events = () => [...text.matchAll(/^data: (\{.*)$/gm)].map(([, json]) => JSON.parse(String(json)).data);
  for await (const chunk of present(response.body, "a stream").pipeThrough(new TextDecoderStream())) {
    text += chunk;
    if (events().length >= count) break;
  }
  cut.abort();
  return events().slice(0, count);
}
