import { decodeProtectedHeader } from "jose";
import { describe, expect, test, vi } from "vitest";
import { Act, ActType } from "../../src/acts/entities.js";
import { publishedJwkSet } from "../../src/identity/jwk-set/service.js";
import { platformSigner, publicKeysOf, signerByKid } from "../../src/identity/platform-keys/service.js";
import {
  rotatePlatformKey,
  rotatePlatformKeysForAllTenants,
  signingKeysOf,
} from "../../src/identity/platform-rotation/service.js";
import { readSigned } from "../../src/identity/platform-signatures/service.js";
import { authenticate, issueToken } from "../../src/identity/tokens/service.js";
import { shellActor } from "../../src/kernel/actor.js";
import { closeApp } from "../../src/platform/open-app.js";
import { seal } from "../../src/platform/seal.js";
import { DataKey, Tenant } from "../../src/tenancy/entities.js";
import { ensurePlatformTenant, playerKeyOf } from "../../src/tenancy/service.js";
import { rewrapDataKeysForAllTenants, vaultOf } from "../../src/tenancy/vaults/service.js";
import { openTestApp, testApp } from "../support/app.js";
import { settle, tokenForm } from "./place.js";

const HOUR_MS = 3_600_000;
const app = await testApp();
const { clock, config } = app;
/** Another process on the same database. */
const second = await testApp({ clock, config: { publicUrl: config.publicUrl } });

const ORDINARY = { isAtOnce: false, compromise: null };
/** What the other process knows is two seconds old at most. */
const soon = (claim: () => Promise<void>) => vi.waitFor(claim, { timeout: 5_000, interval: 200 });

describe("the platform's signing keys", () => {
  test("the next one is published an hour before it signs, and what was signed stays verifiable", async () => {
    const { shell } = await settle(app);
    const { tenantId } = shell;
    const first = await platformSigner(app, tenantId);
    const old = first.sign('{"a":1}', "quittance-receipt+jws");
    await platformSigner(second, tenantId);
    const next = await rotatePlatformKey(app, shell, ORDINARY);
    expect(await rotatePlatformKey(second, shell, ORDINARY)).toEqual(next);
    const kids = async () => (await publicKeysOf(second, tenantId)).map(({ kid }) => kid);
    expect(await kids()).toEqual([next.kid, first.kid]);
    expect((await platformSigner(app, tenantId)).kid).toBe(first.kid);
    clock.advance(HOUR_MS);
    for (const each of [app, second]) {
      await soon(async () => expect((await platformSigner(each, tenantId)).kid).toBe(next.kid));
    }
    const pinned = await signerByKid(second, tenantId, String(decodeProtectedHeader(old).kid));
    expect(pinned.sign('{"a":1}', "quittance-receipt+jws")).toBe(old);
    const jwks = JSON.parse(await publishedJwkSet(second));
    expect(readSigned(old, { jwks, typ: "quittance-receipt+jws" })).toEqual({ payload: { a: 1 } });
    clock.advance(-HOUR_MS);
  });

  test("they are replaced when they are old enough, once, whoever looks", async () => {
    const { shell } = await settle(app);
    await platformSigner(app, shell.tenantId);
    const aging = { ...app, config: { ...config, platformKeyDays: 30 } };
    const count = async () => (await publicKeysOf(app, shell.tenantId)).length;
    await rotatePlatformKeysForAllTenants(aging);
    expect(await count()).toBe(1);
    clock.advance(31 * 24 * HOUR_MS);
    await rotatePlatformKeysForAllTenants(aging);
    await rotatePlatformKeysForAllTenants(aging);
    expect(await count()).toBe(2);
    expect(await rotatePlatformKeysForAllTenants(app)).toBe(0);
    clock.advance(-31 * 24 * HOUR_MS);
  });

  test("one that others have signs nothing more, says so in the JWK Set, and its act says since when", async () => {
    const { shell } = await settle(app);
    const { kid } = await platformSigner(app, shell.tenantId);
    const since = new Date(Math.floor(clock.now().getTime() / 1_000) * 1_000 - HOUR_MS);
    const compromise = { kid: null, since, reason: "a stolen disk" };
    const next = await rotatePlatformKey(app, shell, { isAtOnce: false, compromise });
    expect((await platformSigner(app, shell.tenantId)).kid).toBe(next.kid);
    const { keys } = JSON.parse(await publishedJwkSet(second));
    const withdrawn = keys.find((key: { kid: string }) => key.kid === kid);
    expect(withdrawn).toMatchObject({ revoked: { revoked_at: since.getTime() / 1_000 } });
    const where = { tenantNo: shell.tenantNo, type: ActType.KEY_REVOKED };
    const { detail } = await app.database.manager.findOneByOrFail(Act, where);
    expect(JSON.parse(detail ?? "").after).toMatchObject({ owner: "PLATFORM", kid, reason: "a stolen disk" });
  });

  test("of a key that others have the earlier instant counts, whichever was said last", async () => {
    const { shell } = await settle(app);
    const { kid } = await platformSigner(app, shell.tenantId);
    const ago = (hours: number) => new Date(clock.now().getTime() - hours * HOUR_MS);
    const said = async (since: Date) => {
      await rotatePlatformKey(app, shell, { isAtOnce: false, compromise: { kid, since, reason: "a stolen disk" } });
      return (await signingKeysOf(app, shell.tenantId)).find((key) => key.kid === kid)?.compromisedAt;
    };
    const [later, earlier] = [ago(1), ago(2)];
    expect([await said(later), await said(earlier), await said(later)]).toEqual([later, earlier, earlier]);
    const where = { tenantNo: shell.tenantNo, type: ActType.KEY_REVOKED };
    expect(await app.database.manager.countBy(Act, where)).toBe(2);
  });

  test("tokens of the installation's last key are good until they end, unless others have that key", async () => {
    const { id: tenantId, no: tenantNo } = await ensurePlatformTenant(app);
    const shell = shellActor({ tenantId, tenantNo }, "req_test");
    const { client } = await settle(app);
    const token = (await issueToken(app, await tokenForm(app, await client(["audit:read"])))).access_token;
    const facts = { authorization: `Bearer ${token}`, requestId: "req_t", traceparent: null, address: null };
    const { kid } = decodeProtectedHeader(token);
    await rotatePlatformKey(app, shell, { isAtOnce: true, compromise: null });
    for (const each of [app, second]) await expect(authenticate(each, facts)).resolves.toBeDefined();
    const compromise = { kid: String(kid), since: clock.now(), reason: "lost" };
    await rotatePlatformKey(app, shell, { isAtOnce: true, compromise });
    for (const each of [app, second]) {
      await soon(async () => expect(authenticate(each, facts)).rejects.toMatchObject({ code: "UNAUTHENTICATED" }));
    }
  });
});

describe("data keys", () => {
  const [oldKey, newKey] = [Buffer.alloc(32, 7), Buffer.alloc(32, 11)];

  test("a new master key takes over while processes have either, and then the old one may go", async () => {
    const { shell } = await settle(app);
    const { tenantId } = shell;
    const { kid } = await platformSigner(app, tenantId);
    const sealed = (await vaultOf(app, tenantId)).seal(Buffer.from("secret"), "test");
    const both = await openTestApp({ config: { masterKey: newKey, otherMasterKeys: [oldKey] } });
    expect(await rewrapDataKeysForAllTenants(both)).toBeGreaterThan(0);
    expect(await rewrapDataKeysForAllTenants(both)).toBe(0);
    const after = await openTestApp({ config: { masterKey: newKey } });
    expect((await vaultOf(after, tenantId)).unseal(sealed, "test").toString()).toBe("secret");
    await expect(signerByKid(after, tenantId, kid)).resolves.toMatchObject({ kid });
    const behind = await openTestApp();
    await expect(vaultOf(behind, tenantId)).rejects.toThrow(/is not configured/);
    const warned = await openTestApp({ config: { masterKey: oldKey, otherMasterKeys: [newKey] } });
    await expect(vaultOf(warned, tenantId)).resolves.toBeDefined();
    expect(await rewrapDataKeysForAllTenants(warned)).toBeGreaterThan(0);
    await Promise.all([both, after, behind, warned].map(closeApp));
  });

  test("secrets from before there were data keys open as before, and are under one from then on", async () => {
    const { shell } = await settle(app);
    const { tenantId } = shell;
    const playerKeySealed = seal(oldKey, Buffer.alloc(32, 3), `player:${tenantId}`);
    await app.database.manager.update(Tenant, { id: tenantId }, { playerKeySealed });
    await app.database.manager.delete(DataKey, { tenantId });
    const upgraded = await openTestApp();
    const playerKey = () => playerKeyOf(upgraded, upgraded.database.manager, tenantId);
    expect(await playerKey()).toEqual(Buffer.alloc(32, 3));
    const rotated = await openTestApp({ config: { masterKey: newKey, otherMasterKeys: [oldKey] } });
    await rewrapDataKeysForAllTenants(rotated);
    const after = await openTestApp({ config: { masterKey: newKey } });
    expect(await playerKeyOf(after, after.database.manager, tenantId)).toEqual(Buffer.alloc(32, 3));
    expect(await playerKey()).toEqual(Buffer.alloc(32, 3));
    const back = await openTestApp({ config: { otherMasterKeys: [newKey] } });
    await rewrapDataKeysForAllTenants(back);
    await Promise.all([upgraded, rotated, after, back].map(closeApp));
  });

  test("a tenant's vault does not open another's secrets, nor for another purpose", async () => {
    const [one, two] = await Promise.all([settle(app), settle(app)].map(async (place) => (await place).shell.tenantId));
    const sealed = (await vaultOf(app, one ?? "")).seal(Buffer.from("secret"), "test");
    const other = await vaultOf(app, two ?? "");
    expect(() => other.unseal(sealed, "test")).toThrow("authenticate");
    const own = await vaultOf(app, one ?? "");
    expect(() => own.unseal(sealed, "other")).toThrow("authenticate");
  });
});
