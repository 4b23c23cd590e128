import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { ActType } from "../../src/acts/entities.js";
import { Role } from "../../src/identity/users/entities.js";
import { present } from "../../src/kernel/assert.js";
import { sha256 } from "../../src/kernel/digest.js";
import { answerDispute } from "../../src/settlement/answers/service.js";
import { DisputeOutcome } from "../../src/settlement/disputes/entities.js";
import { disputeStatement } from "../../src/settlement/disputes/service.js";
import { approvePayoutAccount, registerPayoutAccount } from "../../src/settlement/payout-accounts/service.js";
import { createPayoutFile } from "../../src/settlement/payout-files/service.js";
import { Payout } from "../../src/settlement/payouts/entities.js";
import { markPayoutPaid } from "../../src/settlement/payouts/service.js";
import { approveStatement, releaseStatement } from "../../src/settlement/reviews/service.js";
import { settle } from "../../src/settlement/runs/service.js";
import { statementOf } from "../../src/settlement/statements/service.js";
import { ensurePlatformTenant } from "../../src/tenancy/service.js";
import { ThreatAssessment } from "../../src/threat/assessments/entities.js";
import { createThreatBlock } from "../../src/threat/blocks/service.js";
import { draftThreatRules } from "../../src/threat/documents/service.js";
import { listNetworkBlock } from "../../src/threat/networks/service.js";
import { DEFAULT_RULES } from "../../src/threat/rules.js";
import { openPlace, type Place, periods, report } from "../settlement/place.js";
import { signReply } from "../settlement/replying.js";
import { type Answer, testApi } from "../support/api.js";
import { testApp } from "../support/app.js";
import { submit } from "../support/batches.js";
import { example } from "../support/contracts.js";
import { seedPerson } from "../support/people.js";
import { type SeededClient, seedClient } from "../support/seeds.js";
import { EVERY_BATCH, enforce } from "../threat/place.js";
import { type Input, keyMutations, type Repeatable } from "./key-mutations.js";
import { settlementMutations } from "./settlement-mutations.js";

/** Two api processes on one database. */
const app = await testApp();
const { clock, config } = app;
const second = await testApp({ clock, config: { redisPrefix: config.redisPrefix, publicUrl: config.publicUrl } });
const apis = [await testApi(app), await testApi(second)];

/** What stands for an id where there is none. */
const IDS: Readonly<Record<string, string>> = { document: "id: sha256", networkBlock: "id: network" };
/** What a mutation's payload holds, by the ending of its name. */
const NOUNS: readonly [RegExp, string][] = [
  [/NetworkBlock$/, "networkBlock"],
  [/Tenant$/, "tenant"],
  [/Partner$/, "partner"],
  [/Client(Policy)?$/, "client"],
  [/TrustedDocument$/, "document"],
  [/EncryptionKey$/, "encryptionKey"],
  [/demandEncryption$/, "partner"],
  [/Key$/, "key"],
  [/AllKeys$/, "revocation"],
  [/User(Roles)?$/, "user"],
  [/Session$/, "session"],
  [/Configuration$/, "configuration"],
  [/Period$/, "period"],
  [/Statement$/, "statement"],
  [/Dispute(Answer)?$/, "dispute"],
  [/SettlementRun$/, "run"],
  [/ExchangeRate$/, "exchangeRate"],
  [/(simulateSettlement|Simulation)$/, "simulation"],
  [/GameSettings$/, "gameSettings"],
  [/PayoutAccount$/, "payoutAccount"],
  [/PayoutFile$/, "payoutFile"],
  [/Payout(Paid|Refused|Returned)$/, "payout"],
  [/Collection(Returned)?$/, "collection"],
  [/(Retention|RetentionChange|PlayerKeyErasure)$/, "retentionChange"],
  [/ThreatRules$/, "threatRules"],
  [/ThreatAssessment$/, "threatAssessment"],
  [/ThreatBlock$/, "threatBlock"],
  [/QuarantinedBatch$/, "batch"],
];

let place: Place;
let manager: SeededClient;
let keys = 0;

const mutations: Record<string, () => Promise<Repeatable>> = {
  ...keyMutations(app, () => ({ place, manager })),
  ...settlementMutations(app, () => ({ place, manager })),
  proposeRetention: async () => {
    const input = { itemDays: 400, reason: "policy" };
    const act = ActType.RETENTION_PROPOSED;
    return { from: manager, input, other: { ...input, itemDays: 500 }, act, noun: "retentionChange" };
  },
  proposePlayerKeyErasure: async () => {
    const act = ActType.PLAYER_KEY_ERASURE_PROPOSED;
    return { from: manager, input: { reason: "asked" }, other: { reason: "again" }, act, noun: "retentionChange" };
  },
  approveRetentionChange: async () => {
    const input = { retentionChangeId: await proposed() };
    const other = { retentionChangeId: await proposed("another") };
    const from = await seedClient(app, place.shell, null);
    return { from, input, other, act: ActType.RETENTION_SET, noun: "retentionChange" };
  },
  refuseRetentionChange: async () => {
    const input = { retentionChangeId: await proposed(), reason: "no" };
    const other = { ...input, reason: "never" };
    return { from: manager, input, other, act: ActType.RETENTION_REFUSED, noun: "retentionChange" };
  },
  createTenant: async () => {
    const from = await operator();
    return { from, input: { name: "Next" }, other: { name: "Other" }, act: ActType.TENANT_CREATED, noun: "tenant" };
  },
  createPartner: async () => {
    const input = { code: "next", name: "Next", kind: "AFFILIATE", timezone: "UTC", currencies: ["USD"] };
    return { from: manager, input, other: { ...input, code: "p" }, act: ActType.PARTNER_CREATED, noun: "partner" };
  },
  createUser: async () => {
    const input = { email: "new@example.com", name: "New", roles: ["AUDITOR"] };
    return { from: manager, input, other: { ...input, roles: ["ADMIN"] }, act: ActType.USER_CREATED, noun: "user" };
  },
  inviteUser: async () => {
    const [{ user }, other] = [await person(), await person()];
    const [input, next] = [{ userId: user.id }, { userId: other.user.id }];
    return { from: manager, input, other: next, act: ActType.USER_INVITED, noun: "user" };
  },
  changeUserRoles: async () => {
    const input = { userId: (await person()).user.id, roles: ["ADMIN"] };
    const other = { ...input, roles: ["KEY_MANAGER"] };
    return { from: manager, input, other, act: ActType.USER_ROLES_CHANGED, noun: "user" };
  },
  disableUser: async () => {
    const input = { userId: (await person()).user.id, reason: "left" };
    return { from: manager, input, other: { ...input, reason: "lost" }, act: ActType.USER_DISABLED, noun: "user" };
  },
  endSession: async () => {
    const [input = {}, other = {}] = [await person(), await person()].map(({ sessionId }) => ({ sessionId }));
    return { from: manager, input, other, act: ActType.USER_SESSION_ENDED, noun: "session" };
  },
  setClientPolicy: async () => {
    const input = { clientId: place.client.id, ratePoints: 500 };
    const other = { ...input, ratePoints: 600 };
    return { from: manager, input, other, act: ActType.CLIENT_POLICY_SET, noun: "client" };
  },
  registerTrustedDocument: async () => {
    const input = { name: "who", text: "{ viewer { clientId } }" };
    const other = { ...input, text: "{ viewer { kind } }" };
    return { from: manager, input, other, act: ActType.TRUSTED_DOCUMENT_REGISTERED, noun: "document" };
  },
  withdrawTrustedDocument: async () => {
    const text = "{ viewer { kind scopes } }";
    await send("registerTrustedDocument", manager, { name: "what", text, idempotencyKey: "document" });
    const input = { sha256: sha256(text).toString("hex"), reason: "old" };
    const other = { ...input, reason: "wrong" };
    return { from: manager, input, other, act: ActType.TRUSTED_DOCUMENT_WITHDRAWN, noun: "document" };
  },
  rotateEncryptionKey: async () => {
    const [input, other] = [{ kind: "EC" }, { kind: "RSA" }];
    return { from: manager, input, other, act: ActType.ENCRYPTION_KEY_ROTATED, noun: "encryptionKey" };
  },
  demandEncryption: async () => {
    const input = { partnerId: place.partner.id, encryptedOnly: true };
    const other = { ...input, encryptedOnly: false };
    return { from: manager, input, other, act: ActType.ENCRYPTION_DEMANDED, noun: "partner" };
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
  approveStatement: async () => {
    const [statementId, another] = await issued();
    const act = ActType.STATEMENT_CARRIED_FORWARD; // nothing is payable
    return { from: manager, input: { statementId }, other: { statementId: another }, act, noun: "statement" };
  },
  releaseStatement: async () => {
    const [statementId = "", another] = await issued("100.00");
    await approveStatement(app, place.shell, statementId);
    const act = ActType.STATEMENT_RELEASED;
    return { from: manager, input: { statementId }, other: { statementId: another }, act, noun: "statement" };
  },
  registerPayoutAccount: async () => {
    const input = { ...ACCOUNT, partnerId: place.partner.id };
    const other = { ...input, iban: "NO9386011117947" };
    return { from: manager, input, other, act: ActType.PAYOUT_ACCOUNT_REGISTERED, noun: "payoutAccount" };
  },
  approvePayoutAccount: async () => {
    const [input, other] = [{ payoutAccountId: await account() }, { payoutAccountId: await account() }];
    return { from: manager, input, other, act: ActType.PAYOUT_ACCOUNT_APPROVED, noun: "payoutAccount" };
  },
  refusePayoutAccount: async () => {
    const input = { payoutAccountId: await account(), reason: "unknown" };
    const other = { ...input, reason: "wrong" };
    return { from: manager, input, other, act: ActType.PAYOUT_ACCOUNT_REFUSED, noun: "payoutAccount" };
  },
  createPayoutFile: async () => {
    await payable();
    const [input, other] = [{ currency: "USD" }, { currency: "USD", dueThrough: "2026-12-31" }];
    return { from: manager, input, other, act: ActType.PAYOUT_FILE_MADE, noun: "payoutFile" };
  },
  voidPayoutFile: async () => {
    const input = { payoutFileId: (await exported()).fileId, reason: "RJCT" };
    const other = { ...input, reason: "lost" };
    return { from: manager, input, other, act: ActType.PAYOUT_FILE_VOIDED, noun: "payoutFile" };
  },
  markPayoutPaid: async () => {
    const [input, other] = [{ payoutId: (await exported()).id }, { amount: "0.01" }];
    return { from: manager, input, other: { ...input, ...other }, act: ActType.PAYOUT_PAID, noun: "payout" };
  },
  markPayoutRefused: async () => {
    const [input, other] = [{ payoutId: (await exported()).id }, { note: "AC04" }];
    return { from: manager, input, other: { ...input, ...other }, act: ActType.PAYOUT_REFUSED, noun: "payout" };
  },
  markPayoutReturned: async () => {
    const payoutId = (await exported()).id;
    await markPayoutPaid(app, place.shell, { payoutId, amount: null, note: null });
    const other = { payoutId, note: "AC04" };
    return { from: manager, input: { payoutId }, other, act: ActType.PAYOUT_RETURNED, noun: "payout" };
  },
  answerDispute: async () => {
    const input = { disputeId: await disputed(), outcome: "REJECTED", reason: "No." };
    const other = { ...input, reason: "Never." };
    return { from: manager, input, other, act: ActType.DISPUTE_REJECTED, noun: "dispute" };
  },
  approveDisputeAnswer: async () => {
    const disputeId = await disputed();
    const outcome = DisputeOutcome.ACCEPTED;
    await answerDispute(app, place.shell, { disputeId, outcome, amount: "5.00", reason: "Yes." });
    const [input, other] = ["5.00", "6.00"].map((amount) => ({ disputeId, amount }));
    return { from: manager, input: input ?? {}, other: other ?? {}, act: ActType.DISPUTE_ACCEPTED, noun: "dispute" };
  },
  draftThreatRules: async () => {
    const [input, other] = [{ document: DEFAULT_RULES }, { document: { ...DEFAULT_RULES, block: { minutes: 5 } } }];
    return { from: manager, input, other, act: ActType.THREAT_RULES_DRAFTED, noun: "threatRules" };
  },
  activateThreatRules: async () => {
    const [input, other] = [{ threatRulesId: await draftedRules(1) }, { threatRulesId: await draftedRules(2) }];
    return { from: manager, input, other, act: ActType.THREAT_RULES_ACTIVATED, noun: "threatRules" };
  },
  createThreatBlock: async () => {
    const input = { clientId: place.client.id, reason: "stolen", minutes: 5 };
    return { from: manager, input, other: { ...input, minutes: 6 }, act: ActType.THREAT_BLOCKED, noun: "threatBlock" };
  },
  liftThreatBlock: async () => {
    const wanted = { clientId: place.client.id, reason: "stolen" };
    const input = { threatBlockId: (await createThreatBlock(app, place.shell, wanted)).id, reason: "found" };
    const act = ActType.THREAT_BLOCK_LIFTED;
    return { from: manager, input, other: { ...input, reason: "lost" }, act, noun: "threatBlock" };
  },
  liftNetworkBlock: async () => {
    await listNetworkBlock(app, "198.51.100", new Date(clock.now().getTime() + 900_000));
    const input = { network: "198.51.100.0/24", reason: "ours" };
    const other = { ...input, reason: "x" };
    return { from: await operator(), input, other, act: ActType.NETWORK_BLOCK_LIFTED, noun: "networkBlock" };
  },
  judgeThreatAssessment: async () => {
    const subjectId = await quarantined();
    const told = await app.database.manager.findOneByOrFail(ThreatAssessment, { subjectId });
    const input = { threatAssessmentId: told.id, judgement: "DISMISSED", reason: "ours" };
    const other = { ...input, judgement: "CONFIRMED" };
    return { from: manager, input, other, act: ActType.THREAT_JUDGED, noun: "threatAssessment" };
  },
  releaseQuarantinedBatch: async () => {
    const input = { batchId: await quarantined(), reason: "ours" };
    return { from: manager, input, other: { ...input, reason: "x" }, act: ActType.BATCH_RELEASED, noun: "batch" };
  },
  rejectQuarantinedBatch: async () => {
    const input = { batchId: await quarantined(), reason: "not ours" };
    return { from: manager, input, other: { ...input, reason: "x" }, act: ActType.BATCH_REJECTED, noun: "batch" };
  },
};

/** A draft of threat rules by another than the manager. */
async function operator(): Promise<SeededClient> {
  const platform = await ensurePlatformTenant(app);
  const operators = { ...place.shell, tenantId: platform.id, tenantNo: platform.no };
  return seedClient(app, operators, null, ["operations:manage", "clients:manage"]);
}

async function draftedRules(batches: number): Promise<string> {
  const document = { ...DEFAULT_RULES, history: { days: 7, batches } };
  return (await draftThreatRules(app, place.shell, document)).id;
}

/** A batch of the place's that is quarantined. */
async function quarantined(): Promise<string> {
  await enforce(app, place.shell, [EVERY_BATCH]);
  return (await submit(app, place)).batch.id;
}

const ACCOUNT = { currency: "USD", holderName: "Holder", country: "DE", iban: "DE89370400440532013000" };

/** A person who is signed in. */
function person(): ReturnType<typeof seedPerson> {
  return seedPerson(app, place.shell, [Role.AUDITOR]);
}

/** An account that waits for approval. */
async function account(partnerId: string | null = place.partner.id): Promise<string> {
  const wanted = { ...ACCOUNT, partnerId, payee: "", latinName: null, town: null };
  return (await registerPayoutAccount(app, place.shell, wanted)).id;
}

/** Money that may be paid, and accounts for it. */
async function payable(): Promise<void> {
  for (const partnerId of [null, place.partner.id]) {
    await approvePayoutAccount(app, place.shell, await account(partnerId));
  }
  const [statementId = ""] = await issued("100.00");
  await approveStatement(app, place.shell, statementId);
  await releaseStatement(app, place.shell, statementId);
}

/** A payout in a file. */
async function exported(): Promise<Payout> {
  await payable();
  const order = { currency: "USD", dueThrough: null, executeFrom: null, partnerIds: null };
  const { id: fileId } = await createPayoutFile(app, place.shell, order);
  return app.database.manager.findOneByOrFail(Payout, { tenantId: place.tenant.id, fileId });
}

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

/** What is signed has its `jti`. */
const SIGNED = ["submitBatch", "acknowledgeStatement", "disputeStatement", "withdrawDispute"];

test("these are all mutations that there are, but those of signed documents, which have their jti", () => {
  const schema = readFileSync(new URL("../../schema/schema.graphql", import.meta.url), "utf8");
  const [, body = ""] = /^type Mutation \{\n(.*?)^\}/ms.exec(schema) ?? [];
  const names = [...body.matchAll(/^ {2}(\w+)\(/gm)].map(([, name]) => String(name));
  expect(names.filter((name) => !SIGNED.includes(name)).toSorted()).toEqual(Object.keys(mutations).toSorted());
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

/** A retention that the manager proposed. */
async function proposed(idempotencyKey = "propose"): Promise<string> {
  const input = { itemDays: 400, reason: idempotencyKey, idempotencyKey };
  return idIn(await send("proposeRetention", manager, input), "retentionChange");
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

/** Two statements, the first of them with a share of some bets. */
async function issued(bets: string | null = null): Promise<string[]> {
  const occurredAt = "2026-03-02T00:00:00.000Z";
  if (bets !== null) await report(app, place, [{ kind: "BET", amount: bets, occurredAt }]);
  const through = new Date("2026-03-03T15:00:00.000Z");
  const rows = await settle(app, place.shell, { partnerId: place.partner.id, through });
  return rows.map(({ statementId }) => statementId);
}

/** A dispute that the partner opened. */
async function disputed(): Promise<string> {
  const [id = ""] = await issued("100.00");
  const content = { reason: "Too little.", lines: [{ line: 0 }] };
  const jws = await signReply(app, place, await statementOf(app, place.shell, id), "dispute", content);
  return present((await disputeStatement(app, place.actor, jws)).reply.disputeId, "the dispute of a reply");
}

async function prepared(name: string): Promise<Repeatable> {
  const made = await present(mutations[name], "a mutation")();
  keys += 1;
  return { ...made, input: { ...made.input, idempotencyKey: `key-${keys}` } };
}

async function send(name: string, from: SeededClient, input: Input, process = 0): Promise<Answer> {
  const type = `${name.charAt(0).toUpperCase()}${name.slice(1)}Input`;
  const noun = NOUNS.find(([ending]) => ending.test(name))?.[1] ?? "";
  const id = IDS[noun] ?? "id";
  const query = `mutation ($input: ${type}!) { ${name}(input: $input) { ${noun} { ${id} } } }`;
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
