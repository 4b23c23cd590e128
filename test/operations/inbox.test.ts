import { getNamedType, isInputObjectType } from "graphql";
import { expect, test } from "vitest";
import { approveKey } from "../../src/identity/approvals/service.js";
import { createClient } from "../../src/identity/clients/service.js";
import { joinWithPassword } from "../../src/identity/invitations/service.js";
import { signingKey } from "../../src/identity/keys/service.js";
import { registerKeys } from "../../src/identity/registrations/service.js";
import { issueToken } from "../../src/identity/tokens/service.js";
import { Role } from "../../src/identity/users/entities.js";
import { createUser } from "../../src/identity/users/service.js";
import { type Actor, shellActor } from "../../src/kernel/actor.js";
import { present } from "../../src/kernel/assert.js";
import { DECIDING } from "../../src/operations/inbox/entities.js";
import { RetentionKind } from "../../src/operations/retention/entities.js";
import { proposeChange } from "../../src/operations/retention/service.js";
import { serverSchema } from "../../src/server/schema.js";
import { abortPeriod } from "../../src/settlement/aborting/service.js";
import { submitConfiguration } from "../../src/settlement/approvals/service.js";
import { approveCollection, recordCollection } from "../../src/settlement/collections/service.js";
import { draftConfiguration } from "../../src/settlement/configurations/service.js";
import { MidPeriod } from "../../src/settlement/entities.js";
import { setGameSettings } from "../../src/settlement/games/service.js";
import { retermPeriod } from "../../src/settlement/other-terms/service.js";
import { registerPayoutAccount } from "../../src/settlement/payout-accounts/service.js";
import { enterExchangeRate } from "../../src/settlement/rates/service.js";
import { approveStatement } from "../../src/settlement/reviews/service.js";
import { RateType } from "../../src/settlement/terms/fx.js";
import { activateThreatRules, draftThreatRules } from "../../src/threat/documents/service.js";
import { DEFAULT_RULES } from "../../src/threat/rules.js";
import { proofOf, provenKey, tokenForm } from "../identity/place.js";
import { newKey } from "../identity/signing.js";
import { earn, openPaid } from "../settlement/payout-place.js";
import { activate, closeDue, openPlace, periods, report } from "../settlement/place.js";
import { testApi } from "../support/api.js";
import { testApp } from "../support/app.js";
import { example } from "../support/contracts.js";
import { PASSWORD } from "../support/people.js";
import { seedClient, seedPartner, seedTenant } from "../support/seeds.js";

const app = await testApp();
const api = await testApi(app);

interface Row {
  readonly kind: string;
  readonly subject: string;
}

test("what waits for a second person is one list, oldest first, for who may decide, until it is decided", async () => {
  const place = await openPaid(app, "2026-03-01T15:00:00.000Z");
  const { shell, partner } = place;
  const [one, two] = [await seedClient(app, shell, null), await seedClient(app, shell, null)];
  const approved = await earn(app, place, "2026-03-02", "100.00");
  const issued = await earn(app, place, "2026-03-03", "50.00");
  await approveStatement(app, one.actor, approved);
  const later = (await periods(app, place)).at(-1);
  app.clock.set("2026-03-04T01:00:00.000Z");
  await abortPeriod(app, one.actor, { periodId: later?.id ?? "", reason: "Not needed." });
  app.clock.advance(1_000);
  const document = example("config-daily-12pct");
  const { id: configurationId } = await draftConfiguration(app, one.actor, { partnerId: partner.id, document });
  const effectiveFrom = new Date("2026-04-06T15:00:00.000Z");
  await submitConfiguration(app, one.actor, { configurationId, effectiveFrom, midPeriod: MidPeriod.NEXT_PERIOD });
  const account = { country: "DE", town: "Berlin", holderName: "Holder", latinName: null, currency: "EUR", payee: "x" };
  const iban = { partnerId: partner.id, iban: "DE89370400440532013000" };
  app.clock.advance(1_000);
  const { id: accountId } = await registerPayoutAccount(app, one.actor, { ...account, ...iban });
  app.clock.advance(1_000);
  const payment = { currency: "EUR", amount: "7.00", bankReference: "b", valueOn: "2026-03-04" };
  const { id: collectionId } = await recordCollection(app, one.actor, { ...payment, partnerId: partner.id });
  app.clock.advance(1_000);
  const proposal = { kind: RetentionKind.RETENTION, itemDays: 400, originDays: null, reason: "Policy." };
  const { id: changeId } = await proposeChange(app, one.actor, proposal);
  app.clock.advance(1_000);
  const { id: settingsId } = await setGameSettings(app, one.actor, { code: "SLOTS", bonusCost: false });
  app.clock.advance(1_000);
  const pair = { base: "USD", quote: "EUR", type: RateType.PERIOD_CLOSE, source: "ECB" };
  const rate = { ...pair, rate: "0.9", asOf: new Date("2026-03-02T15:00:00.000Z") };
  const { id: exchangeRateId } = await enterExchangeRate(app, one.actor, rate);
  app.clock.set("2026-03-17T01:00:30.000Z");
  const list = async (token: string, after = "") => {
    const query = `{ awaitingApproval(first: 5 ${after}) { totalCount pageInfo { endCursor } edges { node {
      kind subject proposedBy isOwn waitingDays expiresAt amount { amount } partner { id }
      proposal { reason configurationId } } } } }`;
    const { data, errors } = await api.ask({ query, token });
    expect(errors).toBeUndefined();
    const { totalCount, pageInfo, edges } = data.awaitingApproval;
    return { totalCount, end: pageInfo.endCursor, rows: edges.map((edge: { node: Row }) => edge.node) };
  };
  const first = await list(await two.token());
  const second = await list(await two.token(), `after: "${first.end}"`);
  const rows: Row[] = [...first.rows, ...second.rows];
  expect(rows.map(({ kind, subject }) => [kind, subject])).toEqual([
    ["STATEMENT", issued],
    ["STATEMENT_RELEASE", approved],
    ["PERIOD_ABORT", later?.id],
    ["CONFIGURATION", configurationId],
    ["PAYOUT_ACCOUNT", accountId],
    ["COLLECTION", collectionId],
    ["RETENTION_CHANGE", changeId],
    ["GAME_SETTINGS", settingsId],
    ["EXCHANGE_RATE", exchangeRateId],
  ]);
  expect(first.totalCount).toBe(rows.length);
  const by = { proposedBy: one.client.id, isOwn: false };
  expect(rows[1]).toMatchObject({ ...by, amount: { amount: "100.00" }, partner: { id: partner.id } });
  expect(rows[0]).toMatchObject({ proposedBy: null, amount: { amount: "50.00" }, waitingDays: 13, expiresAt: null });
  expect(rows[2]).toMatchObject({
    ...by,
    waitingDays: 13,
    amount: null,
    expiresAt: expect.stringMatching(/^2026-03-18T01/),
  });
  expect(rows[2]).toMatchObject({ proposal: { reason: "Not needed.", configurationId: null } });
  expect(rows[5]).toMatchObject({ ...by, amount: { amount: "7.00" }, partner: { id: partner.id } });
  for (const row of rows.slice(6)) expect(row).toMatchObject({ ...by, partner: null });
  const mine = await list(await one.token());
  expect(mine.rows[1]).toMatchObject({ isOwn: true });
  const payer = await seedClient(app, shell, null, ["payouts:manage"]);
  expect((await list(await payer.token())).rows.map(({ kind }: Row) => kind)).toEqual(["PAYOUT_ACCOUNT", "COLLECTION"]);
  app.clock.set("2026-03-18T02:00:00.000Z");
  expect((await list(await two.token())).totalCount).toBe(rows.length - 1); // the proposal has lapsed
  await approveCollection(app, two.actor, collectionId);
  expect((await list(await two.token())).totalCount).toBe(rows.length - 2);
});

test("each version that is proposed for a period waits by itself, until it lapses", async () => {
  const { base: _, ...daily } = example("config-daily-12pct");
  const plain = { ...daily, base: { measure: "GGR", freeRoundStake: "ZERO", jackpotWins: "EXCLUDED" } };
  const stuck = { ...plain, fx: { to: "EUR", type: "PERIOD_CLOSE", source: "NOBODY" } };
  const [start, end] = ["2026-03-01T15:00:00.000Z", "2026-03-02T15:00:00.000Z"];
  app.clock.set(start);
  const place = await openPlace(app, start, { document: stuck, currencies: ["EUR", "USD"] });
  await report(app, place, [{ kind: "BET", amount: "100.00", currency: "USD", occurredAt: start }]);
  app.clock.set(end);
  await closeDue(app, place);
  const one = await activate(app, place, { ...plain, name: "one" }, "2026-04-01T15:00:00.000Z");
  const two = await activate(app, place, { ...plain, name: "two" }, "2026-05-01T15:00:00.000Z");
  const [proposing, deciding] = [await seedClient(app, place.shell, null), await seedClient(app, place.shell, null)];
  const [period] = await periods(app, place);
  const propose = async (version: { id: string }) => {
    app.clock.advance(86_400_000);
    const reterming = { periodId: period?.id ?? "", configurationId: version.id, reason: `By ${version.id}.` };
    await retermPeriod(app, proposing.actor, reterming);
  };
  for (const version of [one, two, one]) await propose(version);
  const query = `{ awaitingApproval { totalCount edges { node {
    kind subject waitingDays proposal { reason configurationId } } } } }`;
  const list = async () => (await api.ask({ query, token: await deciding.token() })).data.awaitingApproval;
  const row = (version: { id: string }, waitingDays: number) => ({
    node: {
      ...{ kind: "PERIOD_TERMS", subject: period?.id, waitingDays },
      proposal: { reason: `By ${version.id}.`, configurationId: version.id },
    },
  });
  expect(await list()).toEqual({ totalCount: 2, edges: [row(one, 2), row(two, 1)] });
  app.clock.advance(13.5 * 86_400_000); // the first two have lapsed
  expect(await list()).toEqual({ totalCount: 1, edges: [row(one, 13)] });
});

test("threat rules, keys and open invitations wait for whoever may decide on them", async () => {
  const home = await seedTenant(app);
  const { partner, client } = await seedPartner(app, home);
  const [one, two] = [await seedClient(app, home.actor, null), await seedClient(app, home.actor, null)];
  const draft = () => draftThreatRules(app, one.actor, DEFAULT_RULES);
  const [older, newer] = [await draft(), await draft()];
  app.clock.advance(1_000);
  const [key] = await registerKeys(app, one.actor, {
    ...{ clientId: client.id, ...(await provenKey(app, one.actor, client.id)) },
  });
  app.clock.advance(1_000);
  const person = { email: "kim@example.com", name: "Kim", roles: [Role.AUDITOR] };
  const { user, invitation } = await createUser(app, one.actor, person);
  const list = async ({ token }: { token: () => Promise<string> }): Promise<(Row & Record<string, unknown>)[]> => {
    const query = `{ awaitingApproval { edges { node {
      kind subject proposedBy isOwn mutation argument partner { id } } } } }`;
    const { data, errors } = await api.ask({ query, token: await token() });
    expect(errors).toBeUndefined();
    return data.awaitingApproval.edges.map(({ node }: { node: Row }) => node);
  };
  const by = { proposedBy: one.client.id, isOwn: false, partner: null };
  expect(await list(two)).toEqual([
    { ...by, kind: "THREAT_RULES", subject: older.id, mutation: "activateThreatRules", argument: "threatRulesId" },
    { ...by, kind: "THREAT_RULES", subject: newer.id, mutation: "activateThreatRules", argument: "threatRulesId" },
    { ...by, partner: { id: partner.id }, kind: "KEY", subject: key?.id, mutation: "approveKey", argument: "keyId" },
    { ...by, kind: "INVITATION", subject: user.id, mutation: "inviteUser", argument: "userId" },
  ]);
  const robot = await clientBy(one.actor);
  expect((await list(robot)).map(({ isOwn }) => isOwn)).toEqual([true, true, true, true]);
  const keeper = await seedClient(app, home.actor, null, ["keys:manage"]);
  expect((await list(keeper)).map(({ kind }) => kind)).toEqual(["KEY"]);
  expect(await list(await seedClient(app, home.actor, partner.id, ["keys:manage"]))).toEqual([]);
  await activateThreatRules(app, two.actor, newer.id);
  await approveKey(app, two.actor, key?.id ?? "");
  const text = new URL(invitation.url).searchParams.get("invitation") ?? "";
  const origin = { requestId: "req_test", traceparent: null, address: null, agent: "test", device: null };
  await joinWithPassword(app, origin, { invitation: text, password: PASSWORD });
  expect(await list(two)).toEqual([]);
});

/** A client that somebody made, whose key nobody's shell approved. */
async function clientBy(maker: Actor): Promise<{ token: () => Promise<string> }> {
  const key = await newKey();
  const jwks = JSON.stringify(key.publicJwk);
  const input = { partnerId: null, name: "robot", scopes: [...maker.scopes], jwks };
  const client = await createClient(app, maker, { ...input, proofs: [await proofOf(app, maker, key)] });
  const { id } = present(await signingKey(app, maker.tenantId, key.kid), "the key");
  await approveKey(app, shellActor(maker, "req_test"), id);
  return { token: async () => (await issueToken(app, await tokenForm(app, { client, key }))).access_token };
}

test("each kind names a mutation that there is, and the field of its input that takes the id", () => {
  const fields = serverSchema().getMutationType()?.getFields() ?? {};
  for (const { mutation, argument } of Object.values(DECIDING)) {
    const input = fields[mutation]?.args.find(({ name }) => name === "input");
    const type = getNamedType(input?.type);
    expect(isInputObjectType(type) && Object.keys(type.getFields()), mutation).toContain(argument);
  }
});

test("other tenants' and partners' clients see none of it", async () => {
  const other = await openPaid(app, "2026-03-01T15:00:00.000Z");
  const stranger = await seedClient(app, other.shell, null);
  const query = "{ awaitingApproval { totalCount } }";
  expect((await api.ask({ query, token: await stranger.token() })).data.awaitingApproval.totalCount).toBe(0);
  const { errors = [] } = await api.ask({ query, token: await other.token() });
  expect(errors.map(({ extensions }) => extensions["code"])).toEqual(["FORBIDDEN"]);
});
