import { readFileSync } from "node:fs";
import {
  buildSchema,
  type GraphQLInputType,
  getNamedType,
  isEnumType,
  isInputObjectType,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
  isRequiredArgument,
  isRequiredInputField,
} from "graphql";
import { beforeAll, describe, expect, test } from "vitest";
import { revokeKey } from "../../src/identity/key-revocations/service.js";
import { signingKey } from "../../src/identity/keys/service.js";
import { Role } from "../../src/identity/users/entities.js";
import { present } from "../../src/kernel/assert.js";
import { newId } from "../../src/kernel/ids.js";
import { RetentionKind } from "../../src/operations/retention/entities.js";
import { proposeChange } from "../../src/operations/retention/service.js";
import { recordCollection } from "../../src/settlement/collections/service.js";
import { acknowledgeStatement, disputeStatement, withdrawDispute } from "../../src/settlement/disputes/service.js";
import { setGameSettings } from "../../src/settlement/games/service.js";
import { createPayoutFile } from "../../src/settlement/payout-files/service.js";
import { Payout } from "../../src/settlement/payouts/entities.js";
import { enterExchangeRate } from "../../src/settlement/rates/service.js";
import { startRun } from "../../src/settlement/settlement-runs/service.js";
import { simulateSettlement } from "../../src/settlement/simulations/service.js";
import { statementOf } from "../../src/settlement/statements/service.js";
import { RateType } from "../../src/settlement/terms/fx.js";
import { ThreatAssessment } from "../../src/threat/assessments/entities.js";
import { raise } from "../../src/threat/assessments/service.js";
import { createThreatBlock } from "../../src/threat/blocks/service.js";
import { draftThreatRules } from "../../src/threat/documents/service.js";
import { ThreatFact, ThreatSubject } from "../../src/threat/entities.js";
import { DEFAULT_RULES, judge } from "../../src/threat/rules.js";
import { newKey } from "../identity/signing.js";
import { EUROS, earn, openAccount, openPaid, release } from "../settlement/payout-place.js";
import { type Place, periods } from "../settlement/place.js";
import { signReply } from "../settlement/replying.js";
import { testApi } from "../support/api.js";
import { testApp } from "../support/app.js";
import { example } from "../support/contracts.js";
import { seedPerson } from "../support/people.js";
import { type SeededClient, seedClient, seedPartner, seedTenant } from "../support/seeds.js";

/** An argument or a member of an input by which a root field takes an id: `input.periodId` of `closePeriod`. */
interface IdPlace {
  readonly root: "query" | "mutation" | "subscription";
  readonly field: string;
  readonly place: string;
  /** What is asked of the answer; its type alone where nothing is said. */
  readonly selection?: string;
}

type Kind =
  | ("user" | "session")
  | ("tenant" | "partner" | "client" | "key" | "configuration" | "period" | "statement" | "dispute" | "batch")
  | (
      | "payoutAccount"
      | "payoutFile"
      | "payout"
      | "collection"
      | "gameSettings"
      | "exchangeRate"
      | "settlementRun"
      | "simulation"
      | "retentionChange"
    )
  | ("threatRules" | "threatAssessment" | "threatBlock");

const schema = buildSchema(readFileSync(new URL("../../schema/schema.graphql", import.meta.url), "utf8"));
const ROOTS = [
  ["query", schema.getQueryType()],
  ["mutation", schema.getMutationType()],
  ["subscription", schema.getSubscriptionType()],
] as const;
const fields = ROOTS.flatMap(([root, type]) =>
  Object.values(type?.getFields() ?? {}).map((field) => ({ root, name: field.name, field })),
);
const places: readonly IdPlace[] = fields.flatMap(({ root, name, field }) =>
  field.args.flatMap((arg) => idsIn(arg.type, arg.name).map((place) => ({ root, field: name, place }))),
);

/** What an id is of: by the place where it stands, or for a place named `id` by the root field. */
const KINDS: Readonly<Record<string, Kind>> = {
  ...{ tenantId: "tenant", partnerId: "partner", partnerIds: "partner", clientId: "client", keyId: "key" },
  ...{ configurationId: "configuration", periodId: "period", statementId: "statement", disputeId: "dispute" },
  ...{ payoutAccountId: "payoutAccount", payoutFileId: "payoutFile", fileId: "payoutFile", payoutId: "payout" },
  ...{ runId: "settlementRun", simulationId: "simulation", userId: "user", sessionId: "session", user: "user" },
  ...{ batchId: "batch", threatRulesId: "threatRules", collectionId: "collection", collection: "collection" },
  ...{ gameSettingsId: "gameSettings", exchangeRateId: "exchangeRate" },
  ...{ threatAssessmentId: "threatAssessment", threatAssessment: "threatAssessment", threatBlockId: "threatBlock" },
  ...{ batch: "batch", client: "client", configuration: "configuration", dispute: "dispute", key: "key" },
  ...{ partner: "partner", payout: "payout", payoutAccount: "payoutAccount", payoutFile: "payoutFile" },
  ...{ settlementPeriod: "period", settlementRun: "settlementRun", simulation: "simulation", statement: "statement" },
  ...{ retentionChangeId: "retentionChange" },
  ...{ settlementRunProgress: "settlementRun", simulationProgress: "simulation", node: "statement", ids: "statement" },
};

/** What is asked for besides the id, where not any value of its type will do. */
const BESIDES: Record<string, unknown> = {
  ...{ currency: "EUR", amount: "1.00", country: "DE", iban: "DE89370400440532013000", holderName: "Holder" },
  ...{ kind: "AFFILIATE", scopes: ["batches:read"], document: example("config-daily-12pct") },
  ...{ effectiveFrom: "2026-03-23T00:00:00.000Z", from: "2026-01-01T00:00:00.000Z", first: 1, code: "crash" },
};
/** Members that a field needs, although they may be left out. */
const NEEDED: Readonly<Record<string, readonly string[]>> = {
  "simulateSettlement input.configurationId": ["input.from", "input.through"],
  "simulateSettlement input.partnerIds": ["input.from", "input.through"],
  "setGameSettings input.partnerId": ["input.category"],
  "registerPayoutAccount input.partnerId": ["input.iban"],
  "transactions filter.periodId": ["filter.partnerId"],
};
/** A root field that is for everybody who signed in, whatever the scopes. */
const UNSCOPED = ["errorCodes", "node", "nodes", "viewer", "endSession"];
/** Root fields for who may read the audit trail. */
const AUDITED = [
  ...["acts", "act", "threatRules", "threatRulesInForce", "threatAssessment", "threatAssessments", "threatBlocks"],
  ...["threatAlerts", "quarantinedBatches", "log"],
  ...["threatAlerts", "quarantinedBatches", "retentionChanges"],
  ...["threatAlerts", "quarantinedBatches", "user", "users"],
];

const app = await testApp();
const api = await testApi(app);
const victims = {} as Record<Kind, string>;
let victim: Place;
const PAYMENT = { currency: "EUR", amount: "1.00", bankReference: "one", valueOn: "2026-03-03" };
const RATE = {
  ...{ base: "USD", quote: "EUR", type: RateType.PERIOD_CLOSE, source: "ECB", rate: "0.9" },
  asOf: new Date("2026-03-02T00:00:00.000Z"),
};
const PROPOSAL = { kind: RetentionKind.RETENTION, itemDays: 400, originDays: null, reason: "policy" };
/** Access tokens of those who may see none of it. */
const strangers = {} as Record<
  "of another tenant" | "of another partner" | "without a scope" | "without audit:read",
  string
>;

beforeAll(async () => {
  const place = await openPaid(app, "2026-03-01T15:00:00.000Z");
  victim = place;
  const { shell, partner, tenant, client, key, configuration } = place;
  const ids = [await earn(app, place, "2026-03-02", "100.00"), await earn(app, place, "2026-03-03", "50.00")];
  const [paid = "", disputed = ""] = ids;
  await release(app, place, paid);
  const payoutFile = (await createPayoutFile(app, shell, EUROS)).id;
  const { id: payout } = await app.database.manager.findOneByOrFail(Payout, { tenantId: tenant.id });
  const content = { reason: "Too little.", lines: [{ line: 0 }] };
  const jws = await signReply(app, place, await statementOf(app, shell, disputed), "dispute", content);
  const { disputeId } = (await disputeStatement(app, place.actor, jws)).reply;
  const [{ id: batch }] = await app.database.query("select id from batch where tenant_no = ?", [tenant.no]);
  const [{ id: keyId }] = await app.database.query("select id from client_key where kid = ?", [key.kid]);
  const period = (await periods(app, place))[0]?.id ?? "";
  const run = await startRun(app, shell, { partnerIds: null, through: app.clock.now() }, null);
  const { id: simulation } = await simulateSettlement(app, shell, { periodId: period });
  const person = await seedPerson(app, shell, [Role.ADMIN]);
  const blocked = await seedClient(app, shell, partner.id);
  const threatBlock = await createThreatBlock(app, shell, { clientId: blocked.client.id, reason: "stolen" });
  await raise(app, shell, suspicion(partner));
  const threatAssessment = await app.database.manager.findOneByOrFail(ThreatAssessment, { subjectId: partner.id });
  const threatRules = await draftThreatRules(app, shell, DEFAULT_RULES);
  Object.assign(victims, {
    ...{ user: person.user.id, session: person.sessionId },
    ...{ threatBlock: threatBlock.id, threatAssessment: threatAssessment.id, threatRules: threatRules.id },
    ...{ tenant: tenant.id, partner: partner.id, client: client.id, key: keyId, configuration: configuration.id },
    ...{ period, statement: paid, dispute: disputeId, batch, payoutFile, payout, settlementRun: run.id, simulation },
    payoutAccount: await openAccount(app, shell, { partnerId: partner.id, payee: "another" }),
    gameSettings: (await setGameSettings(app, shell, { code: "SLOTS" })).id,
    exchangeRate: (await enterExchangeRate(app, shell, RATE)).id,
    collection: (await recordCollection(app, shell, { ...PAYMENT, partnerId: partner.id })).id,
    retentionChange: (await proposeChange(app, shell, PROPOSAL)).id,
  } satisfies Record<Kind, unknown>);
  const other = await seedTenant(app);
  const jwk = JSON.stringify((await newKey()).publicJwk);
  Object.assign(BESIDES, { jwk, jwks: jwk, proofs: [], partnerId: (await seedPartner(app, other)).partner.id });
  await openAccount(app, other.actor, { partnerId: null });
  Object.assign(strangers, {
    "of another tenant": await tokenOf(seedClient(app, other.actor, null)),
    "of another partner": await tokenOf(seedPartner(app, place.home, { currencies: ["EUR"] })),
    "without a scope": await tokenOf(seedClient(app, shell, null, ["audit:read"])),
    "without audit:read": await tokenOf(seedClient(app, shell, null, ["balances:read"])),
  });
});

test("every id that a root field takes is of a known kind, and its owner may read what has one", async () => {
  expect(places.filter((each) => kindOf(each) === undefined)).toEqual([]);
  expect(places.length).toBeGreaterThan(60);
  expect(Object.entries(victims).filter(([, id]) => typeof id !== "string" || id === "")).toEqual([]);
});

describe.each(["of another tenant", "of another partner"] as const)("to a client %s", (whose) => {
  test.each(places.map((each) => ({ ...each, title: `${each.field}(${each.place})` })))(
    "$title is NOT_FOUND",
    async (each) => {
      const id = victims[kindOf(each) ?? "tenant"];
      const { data, errors } = await ask(strangers[whose], each, id);
      const [allowed, values] = [whose === "of another tenant" ? ["NOT_FOUND"] : ["NOT_FOUND", "FORBIDDEN"], data];
      expect(allowed).toContain(errors[0]?.extensions.code);
      expect(
        Object.values(values ?? {})
          .flat()
          .filter((value) => value !== null),
      ).toEqual([]);
      if (each.field !== "node" && each.field !== "nodes") expect(JSON.stringify(errors)).not.toContain(id);
      // As if there were none at all.
      const unknown = await ask(strangers[whose], each, newId(prefixOf(id), app.clock));
      expect(unknown.errors.map(bare)).toEqual(errors.map(bare));
    },
  );

  test("downloads are NOT_FOUND", async () => {
    const { period, statement, payoutFile } = victims;
    const paths = [
      ...["csv", "ndjson"].map((format) => `/periods/${period}/transactions.${format}`),
      ...["csv", "xlsx", "pdf", "jwe", "csv.jwe", "xlsx.jwe", "pdf.jwe"].map(
        (format) => `/statements/${statement}.${format}`,
      ),
      ...[
        `/payout-files/${payoutFile}.xml`,
        `/acts.csv?partnerId=${victims.partner}`,
        `/acts.ndjson?partnerId=${victims.partner}`,
        "/statements/..%2f..%2fetc%2fpasswd.csv",
        "/statements/%00.pdf",
      ],
    ];
    const headers = { authorization: `Bearer ${strangers[whose]}` };
    for (const path of paths) {
      const response = await fetch(`${api.url}${path}`, { headers });
      const isTheTenants = /^\/(payout-files|acts)/.test(path) && whose === "of another partner";
      expect([path, response.status]).toEqual([path, isTheTenants ? 403 : 404]);
      expect(await response.json()).toEqual({ errors: [expect.not.objectContaining({ data: expect.anything() })] });
    }
  });
});

test("lists show nobody else what is the tenant's, and its own client what there is", async () => {
  const owner = await tokenOf(seedClient(app, victim.shell, null));
  const shown: string[] = [];
  for (const { root, name, field } of fields.filter(isConnection)) {
    const list = { root, field: name, place: "", selection: everyLeafOf(field) };
    const isOfVictim = (told: Told) => Object.values(victims).some((id) => JSON.stringify(told).includes(id));
    for (const whose of ["of another tenant", "of another partner", "without a scope"] as const) {
      const mayBeSeen = whose === "without a scope" && AUDITED.includes(name); // it holds audit:read
      const told = await ask(strangers[whose], list, newId("bat", app.clock));
      if (!mayBeSeen) expect([name, whose, isOfVictim(told)]).toEqual([name, whose, false]);
    }
    if (isOfVictim(await ask(owner, list, newId("bat", app.clock)))) shown.push(name);
  }
  expect(shown.length).toBeGreaterThan(12); // else the lists that others saw were empty for everybody
});

test.each(fields.map(({ root, name }) => ({ root, field: name, place: "" })).filter(isScoped))(
  "$root $field is FORBIDDEN to who has no scope for it",
  async (each) => {
    const whose = AUDITED.includes(each.field) ? "without audit:read" : "without a scope";
    const { data, errors } = await ask(strangers[whose], each, newId("bat", app.clock));
    expect(errors.map(({ extensions }) => extensions.code)).toEqual(["FORBIDDEN"]);
    expect(Object.values(data ?? {}).filter((value) => value !== null)).toEqual([]);
  },
);

function isConnection({ root, field }: (typeof fields)[number]): boolean {
  return root === "query" && getNamedType(field.type).name.endsWith("Connection");
}

/** All that a connection's nodes say of themselves without being asked for anything further. */
function everyLeafOf(field: (typeof fields)[number]["field"]): string {
  const node = schema.getType(getNamedType(field.type).name.replace(/Connection$/, ""));
  if (!isObjectType(node)) throw new Error(`${field.name} has no nodes`);
  const leaves = Object.values(node.getFields()).filter((each) => isLeafType(getNamedType(each.type)));
  const names = leaves.filter((each) => !each.args.some(isRequiredArgument)).map(({ name }) => name);
  return `{ edges { node { ${names.join(" ")} } } }`;
}

/** A verdict that calls for a review of a partner. */
function suspicion(partner: Place["partner"]) {
  const subject = ThreatSubject.PARTNER;
  const finding = judge(DEFAULT_RULES, subject, new Map([[ThreatFact.DUPLICATE_RATIO, 1]]), 100);
  const inForce = { id: null, rules: DEFAULT_RULES };
  return { subject, subjectId: partner.id, clientId: null, partner, finding, inForce };
}

async function tokenOf(client: Promise<SeededClient>): Promise<string> {
  return (await client).token();
}

test("entries of a log are NOT_FOUND to another tenant's auditors", async () => {
  const other = await seedTenant(app);
  const auditors = [await tokenOf(seedClient(app, other.actor, null, ["audit:read"])), strangers["of another tenant"]];
  for (const token of auditors) {
    const headers = { authorization: `Bearer ${token}` };
    const response = await fetch(`${api.url}/log/${victims.tenant}/tile/entries/000`, { headers });
    expect(response.status).toBe(404);
  }
});

test.each([
  ["acknowledgement", acknowledgeStatement, {}],
  ["dispute", disputeStatement, { reason: "Mine.", lines: [{ line: 0 }] }],
  ["dispute-withdrawal", withdrawDispute, {}],
] as const)(
  "another partner's signed %s of a statement finds none, and its owner's key is not theirs",
  async (...row) => {
    const [kind, reply, said] = row;
    const sibling = { ...victim, ...(await seedPartner(app, victim.home, { currencies: ["EUR"] })) };
    const statement = await statementOf(app, victim.shell, victims.statement);
    const content = kind === "dispute-withdrawal" ? { dispute: victims.dispute } : said;
    const own = await signReply(app, sibling, statement, kind, content);
    await expect(reply(app, sibling.actor, own)).rejects.toMatchObject({ code: "NOT_FOUND" });
    const borrowed = await signReply(app, sibling, statement, kind, content, { key: victim.key });
    await expect(reply(app, sibling.actor, borrowed)).rejects.toMatchObject({ code: "KEY_NOT_OWNED" });
    const [header = "", payload = "", signature = ""] = own.split(".");
    for (const alg of ["none", "HS256", "ES256"]) {
      const renamed = { ...JSON.parse(Buffer.from(header, "base64url").toString()), alg };
      const confused = [Buffer.from(JSON.stringify(renamed)).toString("base64url"), payload, signature].join(".");
      await expect(reply(app, sibling.actor, confused)).rejects.toMatchObject({ code: "SIGNATURE_INVALID" });
    }
  },
);

test("a key that was revoked a moment ago signs no reply, though it was known a moment before", async () => {
  const { key } = await seedClient(app, victim.shell, victim.partner.id);
  const statement = await statementOf(app, victim.shell, victims.statement);
  const content = { reason: "Too little.", lines: [{ line: 0 }] };
  const about = { statement: { id: statement.id, sha256: "0".repeat(64) } };
  const wrong = await signReply(app, victim, statement, "dispute", content, { key, claims: about });
  await expect(disputeStatement(app, victim.actor, wrong)).rejects.toMatchObject({ code: "VALIDATION" });
  const { id: keyId } = present(await signingKey(app, victim.tenant.id, key.kid), "a registered key");
  await revokeKey(app, victim.shell, { keyId, reason: "lost" });
  const jws = await signReply(app, victim, statement, "dispute", content, { key });
  await expect(disputeStatement(app, victim.actor, jws)).rejects.toMatchObject({ code: "KEY_REVOKED" });
});

function isScoped({ field }: IdPlace): boolean {
  return !UNSCOPED.includes(field);
}

function kindOf({ field, place }: IdPlace): Kind | undefined {
  const name = place.split(".").at(-1) ?? "";
  return KINDS[name === "id" ? field : name];
}

/** The places of ids inside a type, a member's path behind the argument's name. */
function idsIn(type: GraphQLInputType, at: string, above: readonly string[] = []): string[] {
  const named = getNamedType(type);
  if (named.name === "ID") return [at];
  if (!isInputObjectType(named) || above.includes(named.name)) return [];
  return Object.values(named.getFields()).flatMap((member) =>
    idsIn(member.type, `${at}.${member.name}`, [...above, named.name]),
  );
}

interface Told {
  readonly data?: Readonly<Record<string, unknown>> | null;
  readonly errors: readonly { readonly message: string; readonly extensions: Readonly<Record<string, unknown>> }[];
}

/** Asks a root field about an id, with everything that it needs besides. */
async function ask(token: string, { root, field: name, place, selection = "{ __typename }" }: IdPlace, id: string) {
  const field = fields.find((each) => each.root === root && each.name === name)?.field;
  if (field === undefined) throw new Error(`no field ${name}`);
  const wanted = [place, ...(NEEDED[`${name} ${place}`] ?? [])];
  const args = field.args.filter((arg) => isRequiredArgument(arg) || isWanted(arg.name, wanted));
  const variables = Object.fromEntries(
    args.map((arg) => [arg.name, sampleOf(arg.type, { at: arg.name, wanted, place, id })]),
  );
  const declared = args.map((arg) => `$${arg.name}: ${String(arg.type)}`).join(", ");
  const given = args.map((arg) => `${arg.name}: $${arg.name}`).join(", ");
  const head = `${root} ${declared === "" ? "" : `(${declared})`}`;
  const selected = isLeafType(getNamedType(field.type)) ? "" : selection;
  const query = `${head} { ${name}${given === "" ? "" : `(${given})`} ${selected} }`;
  const response = await fetch(`${api.url}/graphql${root === "subscription" ? "/stream" : ""}`, {
    method: "POST",
    headers: {
      ...{ authorization: `Bearer ${token}`, "content-type": "application/json" },
      accept: root === "subscription" ? "text/event-stream" : "application/json",
    },
    body: JSON.stringify({ query, variables }),
    signal: AbortSignal.timeout(3_000), // a subscription that goes on is one that was let in
  });
  const text = await response.text();
  const answer = JSON.parse(/^data: (\{.*)$/m.exec(text)?.[1] ?? text);
  const told: Told = { ...answer, errors: answer.errors ?? [] };
  return told;
}

interface Sample {
  readonly at: string;
  readonly wanted: readonly string[];
  readonly place: string;
  readonly id: string;
}

/** A value of a type: the id where it is asked about, and no more than there must be. */
function sampleOf(type: GraphQLInputType, sample: Sample): unknown {
  const { at, wanted, place, id } = sample;
  if (isNonNullType(type)) return sampleOf(type.ofType, sample);
  const known = BESIDES[at.split(".").at(-1) ?? ""];
  if (known !== undefined && at !== place) return known;
  if (isListType(type)) return [sampleOf(type.ofType, sample)];
  if (isEnumType(type)) return type.getValues()[0]?.name;
  if (isInputObjectType(type)) {
    const members = Object.values(type.getFields()).filter((member) => {
      return isRequiredInputField(member) || isWanted(`${at}.${member.name}`, wanted);
    });
    return Object.fromEntries(
      members.map((member) => [member.name, sampleOf(member.type, { ...sample, at: `${at}.${member.name}` })]),
    );
  }
  switch (type.name) {
    case "ID":
      return id;
    case "DateTime":
      return app.clock.now().toISOString();
    case "Decimal":
      return "1";
    case "CurrencyCode":
      return "EUR";
    case "Int":
    case "Float":
      return 1;
    case "Boolean":
      return false;
    case "JSONObject":
      return {};
    default:
      return `x-${at.split(".").at(-1) ?? ""}`.slice(0, 20);
  }
}

function isWanted(at: string, wanted: readonly string[]): boolean {
  return wanted.some((each) => each === at || each.startsWith(`${at}.`));
}

function prefixOf(id: string): Parameters<typeof newId>[0] {
  return id.slice(0, 3) as Parameters<typeof newId>[0];
}

/** An error without what is of its request alone. */
function bare({ message, extensions }: Told["errors"][number]): unknown {
  const { requestId: _, ...said } = extensions;
  return { message, said };
}
