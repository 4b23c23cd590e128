import { expect, test } from "vitest";
import { ActType } from "../../src/acts/entities.js";
import { recordActs } from "../../src/acts/service.js";
import { approveKey } from "../../src/identity/approvals/service.js";
import { createClient } from "../../src/identity/clients/service.js";
import { isSamePerson } from "../../src/identity/four-eyes/service.js";
import { signingKey } from "../../src/identity/keys/service.js";
import { registerKeys } from "../../src/identity/registrations/service.js";
import { authenticate, issueToken } from "../../src/identity/tokens/service.js";
import { Role, User } from "../../src/identity/users/entities.js";
import { disableUser, inviteUser } from "../../src/identity/users/service.js";
import { type Actor, shellActor } from "../../src/kernel/actor.js";
import { present } from "../../src/kernel/assert.js";
import { newId } from "../../src/kernel/ids.js";
import { RetentionKind } from "../../src/operations/retention/entities.js";
import { approveChange, proposeChange } from "../../src/operations/retention/service.js";
import { transact } from "../../src/platform/database.js";
import { submitConfiguration } from "../../src/settlement/approvals/service.js";
import { activateConfiguration, draftConfiguration } from "../../src/settlement/configurations/service.js";
import { MidPeriod } from "../../src/settlement/entities.js";
import { approvePayoutAccount, registerPayoutAccount } from "../../src/settlement/payout-accounts/service.js";
import { testApi } from "../support/api.js";
import { testApp } from "../support/app.js";
import { example } from "../support/contracts.js";
import { seedPerson } from "../support/people.js";
import { seedClient, seedPartner, seedTenant } from "../support/seeds.js";
import { proofOf, provenKey, tokenForm } from "./place.js";
import { newKey } from "./signing.js";

const app = await testApp();
const api = await testApi(app);

const SCOPES = ["configs:draft", "configs:approve", "payouts:manage", "settlements:read", "clients:manage"] as const;
const FORBIDDEN = { code: "FORBIDDEN" };

/** A client that somebody made, as the API knows it. */
async function clientBy(maker: Actor): Promise<Actor> {
  const key = await newKey();
  const jwks = JSON.stringify(key.publicJwk);
  const input = { partnerId: null, name: "robot", scopes: SCOPES, jwks, proofs: [await proofOf(app, maker, key)] };
  const client = await createClient(app, maker, input);
  const { id } = present(await signingKey(app, maker.tenantId, key.kid), "the key");
  await approveKey(app, shellActor(maker, "req_test"), id); // which is nobody
  return actorBy({ client, key });
}

async function actorBy(keyed: Parameters<typeof tokenForm>[1]): Promise<Actor> {
  const { access_token: token } = await issueToken(app, await tokenForm(app, keyed));
  const requestId = newId("req", app.clock);
  return authenticate(app, { authorization: `Bearer ${token}`, requestId, traceparent: null, address: null });
}

async function place() {
  const home = await seedTenant(app);
  const partner = await seedPartner(app, home);
  const person = await seedPerson(app, home.actor, [Role.ADMIN]);
  const another = await seedPerson(app, home.actor, [Role.ADMIN]);
  const drafted = async (by: Actor) => {
    const document = example("config-daily-12pct");
    const { id } = await draftConfiguration(app, by, { partnerId: partner.partner.id, document });
    const effectiveFrom = new Date(app.clock.now().getTime() + 86_400_000);
    await submitConfiguration(app, by, { configurationId: id, effectiveFrom, midPeriod: MidPeriod.NEXT_PERIOD });
    return { configurationId: id };
  };
  return { home, partner, person, another, drafted };
}

test("two sessions of a person are one person, and another person is another", async () => {
  const { person, another, drafted } = await place();
  const own = await drafted(person.actor);
  const again = await person.again();
  expect(again.secret).not.toBe(person.secret);
  await expect(activateConfiguration(app, again.actor, own)).rejects.toMatchObject(FORBIDDEN);
  expect((await activateConfiguration(app, another.actor, own)).activatedBy).toBe(another.user.id);
});

test("a person and a client that he made, and that one's client, are one person in both directions", async () => {
  const { person, another, drafted } = await place();
  const robot = await clientBy(person.actor);
  const robots = await clientBy(robot);
  const [byPerson, byRobot] = [await drafted(person.actor), await drafted(robots)];
  for (const hand of [robot, robots]) {
    await expect(activateConfiguration(app, hand, byPerson)).rejects.toMatchObject(FORBIDDEN);
    await expect(activateConfiguration(app, person.actor, byRobot)).rejects.toMatchObject(FORBIDDEN);
  }
  await expect(activateConfiguration(app, await clientBy(person.actor), byRobot)).rejects.toMatchObject(FORBIDDEN);
  expect((await activateConfiguration(app, another.actor, byRobot)).draftedBy).toBe(robots.principalId);
});

test("who registered a key of a client is one with it; clients with one key manager are two", async () => {
  const { home, person } = await place();
  const [one, two] = [await seedClient(app, home.actor, null), await seedClient(app, home.actor, null)];
  const same = (first: string, second: string) => isSamePerson(app.database.manager, home.actor, [first, second]);
  expect(await same(one.client.id, two.client.id)).toBe(false); // made at the shell
  expect(await same(one.client.id, person.user.id)).toBe(false);
  for (const { client } of [one, two]) {
    const proven = await provenKey(app, person.actor, client.id);
    await registerKeys(app, person.actor, { clientId: client.id, ...proven });
  }
  expect(await same(one.client.id, person.user.id)).toBe(true);
  expect(await same(person.user.id, two.client.id)).toBe(true);
  expect(await same(one.client.id, two.client.id)).toBe(false);
});

test("who invited a person to a password is one with him; a provider or the shell makes two", async () => {
  const { home, person, another, drafted } = await place();
  const invited = await seedPerson(app, person.actor, [Role.ADMIN]);
  const reinvited = await seedPerson(app, home.actor, [Role.ADMIN]);
  await inviteUser(app, person.actor, reinvited.user.id);
  const byInvited = await drafted(invited.actor);
  await expect(activateConfiguration(app, person.actor, byInvited)).rejects.toMatchObject(FORBIDDEN);
  await expect(activateConfiguration(app, reinvited.actor, byInvited)).rejects.toMatchObject(FORBIDDEN);
  await disableUser(app, person.actor, { userId: invited.user.id, reason: "left" });
  await expect(activateConfiguration(app, person.actor, byInvited)).rejects.toMatchObject(FORBIDDEN);
  expect((await activateConfiguration(app, another.actor, byInvited)).activatedBy).toBe(another.user.id);
  const vouched = await seedPerson(app, person.actor, [Role.ADMIN]);
  const where = { tenantId: vouched.user.tenantId, id: vouched.user.id };
  await app.database.manager.update(User, where, { issuer: "https://login.example.com", subject: "vouched" });
  expect(await isSamePerson(app.database.manager, home.actor, [vouched.user.id, person.user.id])).toBe(false);
});

test("who made a client is one with all that this registered a key for, and what that made", async () => {
  const { home, person, another } = await place();
  const two = await seedClient(app, home.actor, null, SCOPES);
  const robot = await clientBy(person.actor);
  await registerKeys(app, robot, { clientId: two.client.id, ...(await provenKey(app, robot, two.client.id)) });
  const three = await clientBy(two.actor);
  const same = (first: string, second: string) => isSamePerson(app.database.manager, home.actor, [first, second]);
  for (const id of [two.client.id, three.principalId]) {
    expect([await same(id, person.user.id), await same(person.user.id, id)]).toEqual([true, true]);
    expect(await same(id, another.user.id)).toBe(false);
  }
});

test("whoever has more makers behind him than are followed is nobody's second person", async () => {
  const { home, person, another } = await place();
  const chain = Array.from({ length: 12 }, () => newId("cli", app.clock));
  const made = (by: string, subjectId: string) =>
    transact(app, (tx) =>
      recordActs(tx, { ...person.actor, principalId: by }, app.clock.now(), [
        { type: ActType.CLIENT_CREATED, subjectId, partner: null, after: { name: "robot" } },
      ]),
    );
  for (const [nth, id] of chain.entries()) await made(chain[nth - 1] ?? person.user.id, id);
  const same = (first: string | undefined, second: string) =>
    isSamePerson(app.database.manager, home.actor, [present(first, "a client"), second]);
  for (const id of chain) expect(await same(id, person.user.id)).toBe(true);
  expect(await same(chain[9], another.user.id)).toBe(false); // ten makers, all of them known
  expect(await same(chain[10], another.user.id)).toBe(true);
  expect(await same(another.user.id, present(chain[11], "a client"))).toBe(true);
});

test("a payout account is approved by no client of the person who registered it", async () => {
  const { partner, person, another } = await place();
  const details = { currency: "EUR", holderName: "Holder", country: "DE", iban: "DE89370400440532013000" };
  const wanted = { ...details, partnerId: null, payee: "", latinName: null, town: null };
  const { id } = await registerPayoutAccount(app, person.actor, wanted);
  const robot = await clientBy(person.actor);
  await expect(approvePayoutAccount(app, robot, id)).rejects.toMatchObject(FORBIDDEN);
  expect((await approvePayoutAccount(app, another.actor, id)).decidedBy).toBe(another.user.id);
  expect(partner.partner.id).toMatch(/^ptn_/);
});

test("a change of retention is approved by no client of the person who proposed it", async () => {
  const { person, another } = await place();
  const days = { itemDays: null, originDays: null, reason: "asked to forget" };
  const { id } = await proposeChange(app, person.actor, { kind: RetentionKind.PLAYER_KEY, ...days });
  const robot = await clientBy(person.actor);
  await expect(approveChange(app, robot, id)).rejects.toMatchObject(FORBIDDEN);
  expect(await approveChange(app, another.actor, id)).toMatchObject({ state: "ACTIVE", decidedBy: another.user.id });
});

test("partners are not told who of the tenant drafted, submitted or activated; the tenant's people are", async () => {
  const { home, partner, person, another, drafted } = await place();
  const { configurationId } = await drafted(person.actor);
  await activateConfiguration(app, another.actor, { configurationId });
  const query = `{ configuration(id: "${configurationId}") { draftedBy submittedBy activatedBy } }`;
  const seen = async (token: string) => (await api.ask({ query, token })).data.configuration;
  expect(await seen(await partner.token())).toEqual({ draftedBy: null, submittedBy: null, activatedBy: null });
  const admin = await seedClient(app, home.actor, null);
  const [first, second] = [person.user.id, another.user.id];
  expect(await seen(await admin.token())).toEqual({ draftedBy: first, submittedBy: first, activatedBy: second });
});
