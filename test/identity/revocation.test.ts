import { setTimeout as sleep } from "node:timers/promises";
import { beforeAll, expect, test } from "vitest";
import { ActType } from "../../src/acts/entities.js";
import { RevokedToken } from "../../src/identity/revocations/entities.js";
import { purgeRevocationsForAllTenants, revokeToken } from "../../src/identity/revocations/service.js";
import { authenticate, issueToken } from "../../src/identity/tokens/service.js";
import { closeApp } from "../../src/platform/open-app.js";
import { openTestApp, type TestApp, testApp } from "../support/app.js";
import { loseRedis } from "../support/redis.js";
import { type KeyedClient, settle, tokenForm } from "./place.js";

const app = await testApp();
const origin = { requestId: "req_test", traceparent: null, address: "127.0.0.1" };
let other: TestApp;

beforeAll(async () => {
  const { redisPrefix, publicUrl } = app.config;
  other = await openTestApp({ clock: app.clock, config: { redisPrefix, publicUrl } });
  return () => closeApp(other);
});

const tokenOf = async (keyed: KeyedClient) => (await issueToken(app, await tokenForm(app, keyed))).access_token;
const actorOf = (at: TestApp, token: string) => authenticate(at, { authorization: `Bearer ${token}`, ...origin });
const revoke = async (keyed: KeyedClient, token: string, more: Record<string, string> = {}) => {
  const form = await tokenForm(app, keyed, { claims: { aud: `${app.config.publicUrl}/oauth/revoke` } });
  await revokeToken(app, new Map([...form, ["token", token], ...Object.entries(more)]), origin);
};
const actsOn = async (tenantNo: number) => {
  const acts: { type: string; principal_id: string }[] = await app.database.query(
    "select type, principal_id from act where tenant_no = ? and type = ?",
    [tenantNo, ActType.TOKEN_REVOKED],
  );
  return acts.map((act) => act.principal_id);
};

test("I13: a revoked token is refused at once where it was revoked, soon everywhere, without Redis too", async () => {
  const { client, shell } = await settle(app);
  const keyed = await client(["audit:read"]);
  const [token, second] = [await tokenOf(keyed), await tokenOf(keyed)];
  for (const each of [app, other]) await actorOf(each, token);
  await revoke(keyed, token, { token_type_hint: "refresh_token" });
  await loseRedis(app);
  await expect(actorOf(app, token)).rejects.toMatchObject({ code: "UNAUTHENTICATED" });
  await sleep(2_100); // what a process remembers is two seconds old at most
  for (const each of [app, other]) {
    await expect(actorOf(each, token)).rejects.toMatchObject({ code: "UNAUTHENTICATED" });
    await expect(actorOf(each, second)).resolves.toMatchObject({ principalId: keyed.client.id });
  }
  expect(await actsOn(shell.tenantNo)).toEqual([keyed.client.id]);
});

test("revoking twice, at once even, changes nothing more and leaves one act", async () => {
  const { client, shell, partner } = await settle(app);
  const keyed = await client(["batches:read"], await partner("p"));
  const token = await tokenOf(keyed);
  await Promise.all([1, 2, 3].map(() => revoke(keyed, token)));
  await revoke(keyed, token);
  expect(await actsOn(shell.tenantNo)).toEqual([keyed.client.id]);
});

test("what is no token of ours, or has ended, needs no revoking", async () => {
  const { client, shell } = await settle(app);
  const keyed = await client(["audit:read"]);
  const token = await tokenOf(keyed);
  app.clock.advance(600_000);
  for (const text of [token, "x", token.slice(0, -2)]) await revoke(keyed, text);
  expect(await app.database.manager.countBy(RevokedToken, { tenantId: shell.tenantId })).toBe(0);
});

test("who asks is proved before what is asked is looked at (RFC 7009, section 2.1)", async () => {
  const { client } = await settle(app);
  const keyed = await client(["audit:read"]);
  const bare = await tokenForm(app, keyed, { claims: { aud: `${app.config.publicUrl}/oauth/revoke` } });
  await expect(revokeToken(app, bare, origin)).rejects.toMatchObject({ error: "invalid_request", status: 400 });
  await expect(revokeToken(app, new Map(), origin)).rejects.toMatchObject({ error: "invalid_client", status: 401 });
});

test("a client revokes its own tokens alone", async () => {
  const { client } = await settle(app);
  const [mine, theirs] = [await client(["audit:read"]), await client(["audit:read"])];
  const token = await tokenOf(theirs);
  await expect(revoke(mine, token)).rejects.toMatchObject({ error: "invalid_grant", status: 400 });
  await expect(actorOf(other, token)).resolves.toMatchObject({ principalId: theirs.client.id });
});

test("revocations are forgotten when their tokens have ended", async () => {
  const { client, shell } = await settle(app);
  const keyed = await client(["audit:read"]);
  await revoke(keyed, await tokenOf(keyed));
  await purgeRevocationsForAllTenants(app);
  expect(await app.database.manager.countBy(RevokedToken, { tenantId: shell.tenantId })).toBe(1);
  app.clock.advance(601_000);
  await purgeRevocationsForAllTenants(app);
  expect(await app.database.manager.countBy(RevokedToken, { tenantId: shell.tenantId })).toBe(0);
});

test("an assertion for the revocation endpoint gets no token", async () => {
  const { client } = await settle(app);
  const claims = { aud: `${app.config.publicUrl}/oauth/revoke` };
  const form = await tokenForm(app, await client(["audit:read"]), { claims });
  await expect(issueToken(app, form)).rejects.toMatchObject({ error: "invalid_client" });
});
