import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { beginAtProvider } from "../../src/identity/provider-sign-ins/service.js";
import { removeProvider, setProvider } from "../../src/identity/providers/service.js";
import { Role } from "../../src/identity/users/entities.js";
import { createUser, disableUser, inviteUser, userOf } from "../../src/identity/users/service.js";
import type { Actor } from "../../src/kernel/actor.js";
import { newId } from "../../src/kernel/ids.js";
import { ensurePlatformTenant } from "../../src/tenancy/service.js";
import { testApi } from "../support/api.js";
import { testApp } from "../support/app.js";
import { type Browser, openBrowser } from "../support/browser.js";
import { CLIENT, type Lie, openLiar, openProvider, type TestProvider } from "../support/openid.js";
import { PASSWORD } from "../support/people.js";
import { seedTenant } from "../support/seeds.js";

/** Two api processes: a sign-in that begins in one may end in the other. */
const app = await testApp();
const second = await testApp({ clock: app.clock, config: { publicUrl: app.config.publicUrl } });
const api = await testApi(app);
await testApi(second);
const there = `http://localhost:${second.config.port}`;
let provider: TestProvider;

beforeAll(async () => {
  provider = await openProvider(`${app.config.publicUrl}/sign-in/callback`);
});
afterAll(() => provider.close());

const settings = (issuer: string) => ({
  ...{ ...CLIENT, issuer, name: "Example Login", servesAllTenants: false, allowsPasswords: false },
});

/** A tenant whose people sign in at a provider, with one who is invited. */
async function place(issuer = provider.issuer) {
  const home = await seedTenant(app);
  await setProvider(app, home.actor, settings(issuer));
  const email = "dana@example.com";
  const invited = await createUser(app, home.actor, { email, name: "Dana", roles: [Role.AUDITOR] });
  return { ...home, ...invited };
}

/** Goes to the provider and comes back, to the second process: the page that is led to, or the refusal. */
async function goThere(actor: Actor, sub: string, at: TestProvider = provider, path = `?tenant=${actor.tenantId}`) {
  const browser = openBrowser(api.url);
  const begun = await browser.get(`/sign-in/provider${path}`);
  const back = await at.visit(begun.headers.get("location") ?? "", sub);
  return { browser, back, ...(await comeBack(browser, back)) };
}

async function comeBack(browser: Browser, back: URL) {
  const elsewhere = openBrowser(there);
  for (const [name, value] of browser.cookies) elsewhere.cookies.set(name, value);
  const { status, headers, text } = await elsewhere.get(back.pathname + back.search);
  const said = /role="alert">([^<]*)/.exec(text)?.[1] ?? null;
  return { status, said, location: headers.get("location"), session: elsewhere.cookies.get("quittance-session") };
}

const STRANGER = "Nobody here is known by that sign-in. Ask your administrator for an invitation.";
const NOT_HOLDING = "The sign-in could not be completed, or took too long. Begin again.";

describe("signing in at an OpenID provider", () => {
  test("asks with PKCE, state and nonce, and makes a session of whom the provider verified", async () => {
    const { actor, tenant, user } = await place();
    provider.accounts.set("dana", { email: "Dana@Example.com", email_verified: true });
    const { url, sealed } = await beginAtProvider(app, { tenantId: tenant.id, invitation: null });
    const asked = new URL(url).searchParams;
    expect(Object.fromEntries(asked)).toMatchObject({
      ...{ response_type: "code", client_id: CLIENT.clientId, code_challenge_method: "S256" },
      ...{ scope: "openid email profile", redirect_uri: `${app.config.publicUrl}/sign-in/callback` },
    });
    for (const name of ["state", "nonce", "code_challenge"]) expect(asked.get(name)?.length).toBeGreaterThanOrEqual(43);
    expect(sealed).not.toContain(asked.get("state"));
    const { status, location, session } = await goThere(actor, "dana");
    expect([status, location]).toEqual([303, "/account"]);
    const headers = { cookie: `quittance-session=${session}`, origin: app.config.publicUrl };
    const query = "{ viewer { principalId user { state issuer sessions { edges { node { method } } } } } }";
    expect((await api.ask({ query, headers })).data.viewer).toEqual({
      principalId: user.id,
      user: { state: "ACTIVE", issuer: provider.issuer, sessions: { edges: [{ node: { method: "PROVIDER" } }] } },
    });
    // From now on the person is known by (issuer, sub), whatever the address.
    provider.accounts.set("dana", { email: "other@example.com", email_verified: false });
    expect((await goThere(actor, "dana")).status).toBe(303);
    provider.accounts.set("thief", { email: "dana@example.com", email_verified: true });
    expect(await goThere(actor, "thief")).toMatchObject({ status: 401, said: STRANGER, session: undefined });
    await disableUser(app, actor, { userId: user.id, reason: "left" });
    expect(await goThere(actor, "dana")).toMatchObject({ status: 401, said: STRANGER });
  });

  test.each([
    ["not verified", { email: "dana@example.com", email_verified: false }],
    ["said to be verified in a text", { email: "dana@example.com", email_verified: "true" }],
    ["not said to be verified", { email: "dana@example.com" }],
    ["of nobody here", { email: "eve@example.com", email_verified: true }],
    ["spelled with another letter", { email: "d\u00e1na@example.com", email_verified: true }],
  ])("lets nobody in whose address is %s", async (_name, vouching) => {
    const { actor } = await place();
    provider.accounts.set("eve", vouching);
    expect(await goThere(actor, "eve")).toMatchObject({ status: 401, said: STRANGER, session: undefined });
  });

  test("takes an invitation up by whomever the provider names, once", async () => {
    const { actor, user, invitation } = await place();
    provider.accounts.set("nickname", { email: "somebody@elsewhere.example", email_verified: false });
    const path = new URL(invitation.url).search;
    expect((await goThere(actor, "nickname", provider, path)).status).toBe(303);
    expect((await userOf(app, actor, user.id)).subject).toBe("nickname");
    expect((await openBrowser(api.url).get(`/sign-in/provider${path}`)).status).toBe(401); // it is used
    const again = await inviteUser(app, actor, user.id);
    const taken = await createUser(app, actor, { email: "second@example.com", name: "Second", roles: [Role.AUDITOR] });
    expect((await goThere(actor, "nickname", provider, new URL(again.invitation.url).search)).status).toBe(303);
    const twice = await goThere(actor, "nickname", provider, new URL(taken.invitation.url).search);
    expect(twice).toMatchObject({ status: 401, said: STRANGER }); // that sub is somebody already
  });

  test("concludes nothing that another browser, another visit or another time began", async () => {
    const { actor } = await place();
    provider.accounts.set("dana", { email: "dana@example.com", email_verified: true });
    const { browser, back } = await goThere(actor, "dana");
    expect(await comeBack(openBrowser(api.url), back)).toMatchObject({ status: 401, said: NOT_HOLDING });
    expect(await comeBack(browser, back)).toMatchObject({ status: 401, said: NOT_HOLDING }); // a code is good once
    const fresh = openBrowser(api.url);
    const begun = await fresh.get(`/sign-in/provider?tenant=${actor.tenantId}`);
    const returned = await provider.visit(begun.headers.get("location") ?? "", "dana");
    const forged = new URL(returned);
    forged.searchParams.set("state", "x".repeat(43));
    expect(await comeBack(fresh, forged)).toMatchObject({ status: 401, said: NOT_HOLDING });
    const mixed = new URL(returned);
    mixed.searchParams.set("iss", "https://evil.example"); // RFC 9207
    expect(await comeBack(fresh, mixed)).toMatchObject({ status: 401, said: NOT_HOLDING });
    app.clock.advance(601_000);
    expect(await comeBack(fresh, returned)).toMatchObject({ status: 401, said: NOT_HOLDING });
    app.clock.advance(-601_000);
    const denied = new URL(returned);
    denied.search = new URLSearchParams({
      error: "access_denied",
      state: returned.searchParams.get("state") ?? "",
    }).toString();
    expect(await comeBack(fresh, denied)).toMatchObject({ status: 401, said: NOT_HOLDING });
  });

  test("takes the place of passwords, unless it was said otherwise, until it is removed", async () => {
    const { actor, tenant, invitation } = await place();
    const text = new URL(invitation.url).searchParams.get("invitation") ?? "";
    const browser = openBrowser(api.url);
    const form = { invitation: text, password: PASSWORD, repeated: PASSWORD };
    const page = await browser.get(`/sign-in?tenant=${tenant.id}`);
    expect([page.text.includes("Sign in with Example Login"), page.text.includes('type="password"')]).toEqual([
      true,
      false,
    ]);
    expect((await browser.post("/join", form)).status).toBe(403);
    await setProvider(app, actor, { ...settings(provider.issuer), allowsPasswords: true });
    expect((await browser.post("/join", form)).status).toBe(303);
    await setProvider(app, actor, settings(provider.issuer));
    const attempt = { tenant: tenant.id, email: "dana@example.com", password: PASSWORD };
    expect((await openBrowser(api.url).post("/sign-in", attempt)).status).toBe(401);
    await removeProvider(app, actor);
    expect((await openBrowser(api.url).post("/sign-in", attempt)).status).toBe(303);
    for (const id of [tenant.id, newId("tnt", app.clock), "tnt_x"]) {
      expect((await browser.get(`/sign-in/provider?tenant=${id}`)).status).toBe(404);
    }
  });

  test("and a password take each other's place when an invitation is taken up", async () => {
    const { actor, user, invitation } = await place();
    await setProvider(app, actor, { ...settings(provider.issuer), allowsPasswords: true });
    provider.accounts.set("dana", { email: "dana@example.com", email_verified: false });
    const atProvider = async (url: string) => (await goThere(actor, "dana", provider, new URL(url).search)).status;
    expect(await atProvider(invitation.url)).toBe(303);
    const next = await inviteUser(app, actor, user.id);
    const text = new URL(next.invitation.url).searchParams.get("invitation") ?? "";
    const form = { invitation: text, password: PASSWORD, repeated: PASSWORD };
    expect((await openBrowser(api.url).post("/join", form)).status).toBe(303);
    expect(await userOf(app, actor, user.id)).toMatchObject({ issuer: null, subject: null });
    expect(await goThere(actor, "dana")).toMatchObject({ status: 401, said: STRANGER });
    expect(await atProvider((await inviteUser(app, actor, user.id)).invitation.url)).toBe(303);
    expect(await userOf(app, actor, user.id)).toMatchObject({ subject: "dana", passwordHash: null });
  });

  test("of the installation serves the tenants that have none, where it was said so", async () => {
    const platform = await ensurePlatformTenant(app);
    const home = await seedTenant(app);
    const operators = { ...home.actor, tenantId: platform.id, tenantNo: platform.no };
    await setProvider(app, operators, settings(provider.issuer));
    await expect(beginAtProvider(app, { tenantId: home.tenant.id, invitation: null })).rejects.toMatchObject({
      code: "NOT_FOUND",
    });
    await setProvider(app, operators, { ...settings(provider.issuer), servesAllTenants: true });
    await createUser(app, home.actor, { email: "kim@example.com", name: "Kim", roles: [Role.ADMIN] });
    provider.accounts.set("kim", { email: "kim@example.com", email_verified: true });
    expect((await goThere(home.actor, "kim")).status).toBe(303);
    expect(await goThere(operators, "kim")).toMatchObject({ status: 401, said: STRANGER });
    await removeProvider(app, operators);
  });

  test("is set only where it is what it says, and in production only where it is https and public", async () => {
    const { actor } = await seedTenant(app);
    const lie: { current: Lie } = { current: { discoveredIssuer: "https://elsewhere.example" } };
    const liar = await openLiar(lie, {});
    await expect(setProvider(app, actor, settings(liar.issuer))).rejects.toMatchObject({ code: "UNAVAILABLE" });
    await liar.close();
    await expect(setProvider(app, actor, settings("http://localhost:1"))).rejects.toMatchObject({
      code: "UNAVAILABLE",
    });
    const production = { ...app, config: { ...app.config, isProduction: true } };
    for (const issuer of [provider.issuer, "https://127.0.0.1", "https://10.0.0.1", "https://localhost"]) {
      await expect(setProvider(production, actor, settings(issuer))).rejects.toMatchObject({
        ...{ code: "VALIDATION", details: { path: "/issuer" } },
      });
    }
  });
});

describe("what a provider answers", () => {
  const lie: { current: Lie } = { current: {} };
  let liar: TestProvider;
  beforeAll(async () => {
    liar = await openLiar(lie, { sub: "dana", email: "dana@example.com", email_verified: true });
  });
  afterAll(() => liar.close());

  test("is taken when it is true, and keeps no secret of ours in the clear", async () => {
    lie.current = {};
    const { actor, tenant } = await place(liar.issuer);
    expect((await goThere(actor, "dana", liar)).status).toBe(303);
    const [row] = await app.database.query("select * from sign_in_provider where tenant_id = ?", [tenant.id]);
    expect(JSON.stringify(row)).not.toContain(CLIENT.clientSecret);
    expect(row.client_secret_sealed.toString()).not.toContain(CLIENT.clientSecret);
  });

  test.each<[string, Lie]>([
    ["no signature", { alg: "none" }],
    ["a signature by its public key as a secret", { alg: "HS256" }],
    ["another key's signature", { isForeignKey: true }],
    ["another client's ID token", { claims: { aud: "another" } }],
    ["another issuer", { claims: { iss: "https://evil.example" } }],
    ["another nonce", { claims: { nonce: "another" } }],
    ["no nonce", { claims: { nonce: undefined } }],
    ["an ID token that is over", { claims: { iat: 1, exp: 2 } }],
    ["an ID token without end", { claims: { exp: undefined } }],
    ["a subject that is none", { claims: { sub: "" } }],
    ["a subject with a line in it", { claims: { sub: "a\nb" } }],
  ])("is refused with %s", async (_name, told) => {
    lie.current = {};
    const { actor, user } = await place(liar.issuer);
    lie.current = told;
    expect(await goThere(actor, "dana", liar)).toMatchObject({ status: 401, said: NOT_HOLDING, session: undefined });
    expect((await userOf(app, actor, user.id)).subject).toBeNull();
  });
});
