import { describe, expect, onTestFinished, test, vi } from "vitest";
import { ActType } from "../../src/acts/entities.js";
import { createClient } from "../../src/identity/clients/service.js";
import { actorOfSession, endSession, sessionIdOf } from "../../src/identity/sessions/service.js";
import { changePassword } from "../../src/identity/sign-ins/service.js";
import { Role, UserState } from "../../src/identity/users/entities.js";
import { createUser, disableUser, inviteUser, userOf } from "../../src/identity/users/service.js";
import { PrincipalKind } from "../../src/kernel/actor.js";
import { present } from "../../src/kernel/assert.js";
import { ensurePlatformTenant } from "../../src/tenancy/service.js";
import { testApi } from "../support/api.js";
import { testApp } from "../support/app.js";
import { type Browser, openBrowser } from "../support/browser.js";
import { PASSWORD, seedPerson } from "../support/people.js";
import { seedClient, seedTenant } from "../support/seeds.js";
import { connect } from "../support/socket.js";
import { proofOf } from "./place.js";
import { newKey } from "./signing.js";

/** Two api processes on one database, each with a Redis of its own kind of nothing. */
const app = await testApp();
const { clock, config } = app;
const second = await testApp({ clock, config: { publicUrl: config.publicUrl } });
const [api, other] = [await testApi(app), await testApi(second)];
const there = `http://localhost:${second.config.port}`;

const VIEWER = "{ viewer { principalId kind scopes user { name roles sessions { edges { node { id endedAt } } } } } }";
const [SESSION, DEVICE] = ["quittance-session", "quittance-device"];
const from = (browser: Browser) => ({ cookie: browser.cookie(), origin: config.publicUrl });

/** A person who took an invitation up with a password, in a browser of his own. */
async function joined(roles: readonly Role[] = [Role.ADMIN]) {
  const home = await seedTenant(app, "Aurora & Co");
  const { user, invitation } = await createUser(app, home.actor, { email: "Min@Example.com", name: "Min <b>", roles });
  const browser = openBrowser(api.url);
  const path = invitation.url.slice(config.publicUrl.length);
  const text = new URL(invitation.url).searchParams.get("invitation") ?? "";
  const form = { invitation: text, password: PASSWORD, repeated: PASSWORD };
  return { home, user, browser, path, form, answer: await browser.post("/join", form) };
}

/** Base64url with a bit of its last letter changed: bit 0 is one that 32 bytes leave unused. */
function withLastFlipped(text: string, bit: number): string {
  const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  return text.slice(0, -1) + letters[letters.indexOf(text.slice(-1)) ^ bit];
}

const signInForm = (tenant: string, password: string, email = "min@example.com") => ({ tenant, email, password });

describe("an invitation", () => {
  test("makes a person of whoever opens it, once, and leads to the account", async () => {
    const { user, browser, path, form, answer, home } = await joined([Role.AUDITOR]);
    expect([answer.status, answer.headers.get("location")]).toEqual([303, "/account"]);
    const [cookie = ""] = answer.headers.getSetCookie();
    expect(cookie).toMatch(/^quittance-session=[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax; Max-Age=43200$/);
    const { data } = await api.ask({ query: VIEWER, headers: from(browser) });
    expect(data.viewer).toMatchObject({
      ...{ principalId: user.id, kind: "TENANT", user: { name: "Min <b>", roles: ["AUDITOR"] } },
      scopes: ["batches:read", "balances:read", "settlements:read", "audit:read"],
    });
    const account = await browser.get("/account");
    expect(account.text).toContain("You are signed in as Min &lt;b&gt;, Aurora &amp; Co.");
    const stranger = openBrowser(there);
    expect((await stranger.get(path)).status).toBe(401);
    expect((await stranger.post("/join", form, { origin: config.publicUrl })).status).toBe(401);
    expect(stranger.cookies.size).toBe(0);
    expect((await userOf(app, home.actor, user.id)).state).toBe(UserState.ACTIVE);
  });

  test("is void once another was made, too old, changed by a letter, or its person disabled", async () => {
    const home = await seedTenant(app);
    const input = { email: "a@example.com", name: "A", roles: [Role.ADMIN] };
    const first = await createUser(app, home.actor, input);
    const next = await inviteUser(app, home.actor, first.user.id);
    const browser = openBrowser(api.url);
    const statusOf = async (url: string) => (await browser.get(url.slice(config.publicUrl.length))).status;
    expect(await statusOf(first.invitation.url)).toBe(401);
    expect(await statusOf(next.invitation.url)).toBe(200);
    for (const bit of [0b1, 0b100]) expect(await statusOf(withLastFlipped(next.invitation.url, bit))).toBe(401);
    clock.advance(3 * 86_400_000);
    expect(await statusOf(next.invitation.url)).toBe(401);
    clock.advance(-3 * 86_400_000);
    await disableUser(app, home.actor, { userId: first.user.id, reason: "left" });
    expect(await statusOf(next.invitation.url)).toBe(401);
  });

  test("takes no password that is short, worn, or typed in two ways, and stays open", async () => {
    const home = await seedTenant(app);
    const { invitation } = await createUser(app, home.actor, {
      email: "b@example.com",
      name: "B",
      roles: [Role.ADMIN],
    });
    const text = new URL(invitation.url).searchParams.get("invitation") ?? "";
    const browser = openBrowser(api.url);
    const saying = async (password: string, repeated = password) => {
      const { status, text: page } = await browser.post("/join", { invitation: text, password, repeated });
      return [status, /role="alert">([^<]*)/.exec(page)?.[1]];
    };
    expect(await saying("short")).toEqual([400, "A password has 12 to 128 characters."]);
    expect(await saying("password1234567")).toEqual([400, "That password is easily guessed. Take another."]);
    expect(await saying(PASSWORD, `${PASSWORD}!`)).toEqual([200, "The two new passwords differ."]);
    expect((await browser.post("/join", { invitation: text, password: PASSWORD, repeated: PASSWORD })).status).toBe(
      303,
    );
  });
});

describe("signing in by password", () => {
  test("answers unknown, wrong and locked alike, locks after five, and lets in when that is over", async () => {
    const { home, user } = await joined();
    const tenant = home.tenant.id;
    const browser = openBrowser(there);
    const origin = { origin: config.publicUrl };
    await browser.post("/sign-in", signInForm(tenant, "wrong wrong wrong"), origin);
    expect((await userOf(app, home.actor, user.id)).failures).toBe(1);
    // Three more take their time.
    await app.database.query("update user set failures = 4 where tenant_id = ?", [tenant]);
    const answers = [await browser.post("/sign-in", signInForm(tenant, "wrong wrong wrong"), origin)];
    answers.push(await browser.post("/sign-in", signInForm(tenant, PASSWORD), origin)); // locked, in every process
    answers.push(await browser.post("/sign-in", signInForm(tenant, PASSWORD, "min@example.com2"), origin));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([401]));
    const said = answers.map(({ text }) => text.replaceAll("min@example.com2", "min@example.com"));
    expect(new Set(said).size).toBe(1);
    expect(await actsAbout(user.id, ActType.USER_LOCKED)).toBe(1);
    clock.advance(61_000);
    expect((await openBrowser(api.url).post("/sign-in", signInForm(tenant, PASSWORD))).status).toBe(303);
    expect((await userOf(app, home.actor, user.id)).failures).toBe(0);
    expect(await second.metrics.registry.getSingleMetricAsString("quittance_sign_in_total")).toMatch(/refused"\} 4/);
  });

  test("locks out strangers where strangers guess, not who is known there, nor the other way round", async () => {
    const { home, user, browser } = await joined();
    const tenant = home.tenant.id;
    const device = present(browser.cookies.get(DEVICE), "what shows that the browser is known");
    const wrong = (at: Browser) => at.post("/sign-in", signInForm(tenant, "wrong wrong wrong"));
    const right = async (at: Browser) => (await at.post("/sign-in", signInForm(tenant, PASSWORD))).status;
    const counts = async () => {
      const { failures, lockedUntil, knownFailures, knownLockedUntil } = await userOf(app, home.actor, user.id);
      return [failures, lockedUntil !== null, knownFailures, knownLockedUntil !== null];
    };
    // Three more take their time.
    await app.database.query("update user set failures = 4 where tenant_id = ?", [tenant]);
    await wrong(openBrowser(api.url));
    expect(await counts()).toEqual([5, true, 0, false]);
    expect(await right(openBrowser(api.url))).toBe(401);
    const next = "a sentence nobody else would say";
    const form = { current: PASSWORD, password: next, repeated: next };
    expect((await browser.post("/account/password", form)).status).toBe(303);
    const back = { current: next, password: PASSWORD, repeated: PASSWORD };
    expect((await browser.post("/account/password", back)).status).toBe(303);
    const again = openBrowser(api.url);
    again.cookies.set(DEVICE, device);
    expect(await right(again)).toBe(303);
    expect(await counts()).toEqual([5, true, 0, false]); // the strangers' stays theirs
    await app.database.query(
      "update user set known_failures = 4, failures = 0, locked_until = null where tenant_id = ?",
      [tenant],
    );
    await wrong(again);
    expect(await counts()).toEqual([0, false, 5, true]);
    expect(await right(again)).toBe(401);
    expect((await browser.post("/account/password", form)).status).toBe(401);
    expect(await right(openBrowser(api.url))).toBe(303);
    const acts: { detail: string }[] = await app.database.query(
      "select detail from act where subject_id = ? and type = ? order by no",
      [user.id, ActType.USER_LOCKED],
    );
    expect(acts.map(({ detail }) => JSON.parse(detail).after.to)).toEqual(["STRANGERS", "KNOWN"]);
  });

  test("knows that person's browser alone by its cookie, for ninety days", async () => {
    const { home, user } = await joined();
    const tenant = home.tenant.id;
    const first = await openBrowser(api.url).post("/sign-in", signInForm(tenant, PASSWORD));
    const set = present(
      first.headers.getSetCookie().find((line) => line.startsWith(`${DEVICE}=`)),
      "the cookie",
    );
    expect(set).toMatch(/^quittance-device=[\w-]{100,}; Path=\/; HttpOnly; SameSite=Lax; Max-Age=7776000$/);
    const own = set.slice(DEVICE.length + 1, set.indexOf(";"));
    const others = present((await joined()).browser.cookies.get(DEVICE), "another person's cookie");
    await app.database.query("update user set failures = 5, locked_until = ? where tenant_id = ?", [
      ...[new Date(clock.now().getTime() + 120 * 86_400_000), tenant],
    ]);
    const statusWith = async (device: string | null) => {
      const browser = openBrowser(api.url);
      if (device !== null) browser.cookies.set(DEVICE, device);
      return (await browser.post("/sign-in", signInForm(tenant, PASSWORD))).status;
    };
    const forged = `${own.slice(0, 40)}${own[40] === "A" ? "B" : "A"}${own.slice(41)}`;
    const invented = Buffer.from(JSON.stringify({ tenantId: tenant, userId: user.id, untilMs: 9e15 }));
    for (const device of [null, forged, "x", invented.toString("base64url"), others]) {
      expect([device, await statusWith(device)]).toEqual([device, 401]);
    }
    expect(await statusWith(own)).toBe(303);
    onTestFinished(() => clock.advance(-90 * 86_400_000));
    clock.advance(90 * 86_400_000);
    expect(await statusWith(own)).toBe(401);
    clock.advance(-60_000);
    expect(await statusWith(own)).toBe(303);
    clock.advance(60_000);
  });

  test("takes no form of another site, and leads to no other address than the account", async () => {
    const { home } = await joined();
    const form = signInForm(home.tenant.id, PASSWORD);
    for (const origin of ["https://evil.example", "null", `${config.publicUrl}.evil.example`]) {
      const browser = openBrowser(api.url);
      const { status, text } = await browser.post("/sign-in?next=https://evil.example", form, { origin });
      expect([status, browser.cookies.size]).toEqual([403, 0]);
      expect(text).toContain("This form was not sent from our own page.");
    }
    const response = await fetch(`${api.url}/sign-in`, { method: "POST", body: new URLSearchParams(form) });
    expect(response.status).toBe(403);
    const led = await openBrowser(api.url).post("/sign-in?next=https://evil.example", form);
    expect(led.headers.get("location")).toBe("/account");
  });

  test("is offered on plain pages in English and Korean, without script, under a strict policy", async () => {
    const browser = openBrowser(api.url);
    const english = await browser.get("/sign-in");
    const korean = await browser.get("/sign-in", { "accept-language": "ko-KR,ko;q=0.9,en;q=0.5" });
    expect(english.text).toContain('<html lang="en">');
    expect(korean.text).toContain('<html lang="ko">');
    expect(korean.text).toContain("비밀번호");
    expect((await browser.get("/sign-in?lang=ko", { "accept-language": "en" })).text).toContain("로그인");
    for (const { text, headers } of [english, korean]) {
      expect(text).not.toMatch(/<script|\son\w+=|style="/i);
      expect(headers.get("content-security-policy")).toEqual(
        expect.stringMatching(
          /^default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; base-uri 'none'/,
        ),
      );
      expect(headers.get("referrer-policy")).toBe("same-origin"); // under no-referrer forms have the origin null
      const labelled = [...text.matchAll(/<label for="(\w+)"/g)].map(([, id]) => id);
      const inputs = [...text.matchAll(/<input id="(\w+)"/g)].map(([, id]) => id);
      expect(labelled).toEqual(inputs);
      expect(inputs).toEqual(["tenant", "email", "password"]);
    }
    expect((await browser.get(`/sign-in?tenant="><script>`)).text).not.toContain("<script");
  });
});

describe("a session", () => {
  test("is good where an access token is, and only from our own pages", async () => {
    const home = await seedTenant(app);
    const { secret, user } = await seedPerson(app, home.actor, [Role.ADMIN]);
    const cookie = `${SESSION}=${secret}`;
    const codes = async (headers: Record<string, string>, url = api) =>
      (await url.ask({ query: "{ viewer { principalId } }", headers })).errors?.map(
        ({ extensions }) => extensions["code"],
      );
    expect(await codes({ cookie, origin: config.publicUrl })).toBeUndefined();
    expect(await codes({ cookie, origin: config.publicUrl }, other)).toBeUndefined();
    for (const origin of ["https://evil.example", "null", `${config.publicUrl}1`]) {
      expect(await codes({ cookie, origin })).toEqual(["FORBIDDEN"]);
    }
    expect(await codes({ cookie })).toEqual(["FORBIDDEN"]); // browsers say where a POST comes from
    expect(await codes({ cookie: `${SESSION}=${"x".repeat(43)}`, origin: config.publicUrl })).toEqual([
      "UNAUTHENTICATED",
    ]);
    expect(await codes({ cookie: `${cookie}; ${cookie}`, origin: config.publicUrl })).toEqual(["UNAUTHENTICATED"]);
    const ask = async (path: string, headers: Record<string, string>) =>
      (await fetch(api.url + path, { headers: { cookie, ...headers } })).status;
    const query = encodeURIComponent("{ viewer { principalId } }");
    expect(await ask(`/graphql?query=${query}`, {})).toBe(400); // Apollo asks for a header that forms cannot send
    expect(await ask(`/graphql?query=${query}`, { "apollo-require-preflight": "1" })).toBe(200);
    expect(await ask(`/graphql?query=${query}`, { "sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors" })).toBe(
      403,
    );
    const stream = { accept: "text/event-stream" };
    const events = await fetch(`${api.url}/graphql/stream?query=${query}`, { headers: { ...stream, cookie } });
    expect(await events.text()).toContain(user.id);
    expect(await ask(`/graphql/stream?query=${query}`, { ...stream, origin: "https://evil.example" })).toBe(403);
    expect(await ask("/periods/prd_01kb0000000000000000000000/transactions.csv", {})).toBe(404); // let in, not found
    expect(await ask("/periods/prd_01kb0000000000000000000000/transactions.csv", { cookie: "" })).toBe(401);
  });

  test("opens a WebSocket from our own page alone, which ends with it", async () => {
    const home = await seedTenant(app);
    const person = await seedPerson(app, home.actor, [Role.ADMIN]);
    const cookie = `${SESSION}=${person.secret}`;
    await expect(connect(api.url, { cookie, origin: "https://evil.example" })).rejects.toThrow("403");
    // Ours, as far as its host tells, but not the address that is configured.
    const odd = await connect(api.url, { cookie, origin: config.publicUrl.replace("http:", "https:") });
    expect(await odd.closed).toEqual([4403, "FORBIDDEN"]);
    const own = await connect(api.url, { cookie, origin: config.publicUrl });
    expect(await own.first).toEqual({ type: "connection_ack" });
    await disableUser(second, home.actor, { userId: person.user.id, reason: "left" });
    expect(await own.closed).toEqual([4403, "UNAUTHENTICATED"]);
  });

  test("ends in every process after it was ended in one, with Redis emptied besides", async () => {
    const home = await seedTenant(app);
    const [admin, person] = [
      await seedPerson(app, home.actor, [Role.ADMIN]),
      await seedPerson(app, home.actor, [Role.AUDITOR]),
    ];
    const isIn = async (at: typeof api) => {
      const headers = { cookie: `${SESSION}=${person.secret}`, origin: config.publicUrl };
      return (await at.ask({ query: "{ viewer { principalId } }", headers })).errors === undefined;
    };
    expect([await isIn(api), await isIn(other)]).toEqual([true, true]);
    const headers = { cookie: `${SESSION}=${admin.secret}`, origin: config.publicUrl };
    const listed = `{ user(id: "${person.user.id}") { sessions { edges { node { id agent endedAt } } } } }`;
    const { data } = await other.ask({ query: listed, headers });
    const [{ node }] = data.user.sessions.edges;
    expect(node).toMatchObject({ agent: "test", endedAt: null });
    const input = `{ idempotencyKey: "1", sessionId: "${node.id}" }`;
    const query = `mutation { endSession(input: ${input}) { session { endedAt } } }`;
    expect((await api.ask({ query, headers })).data.endSession.session.endedAt).toEqual(expect.any(String));
    await app.redis.flushall();
    await vi.waitFor(async () => expect([await isIn(api), await isIn(other)]).toEqual([false, false]), 5_000);
    expect(await actsAbout(node.id, ActType.USER_SESSION_ENDED)).toBe(1);
  });

  test("ends unused after half an hour, used after twelve, and when its person signs out", async () => {
    const home = await seedTenant(app);
    const person = await seedPerson(app, home.actor, [Role.AUDITOR]);
    const browser = openBrowser(api.url);
    browser.cookies.set(SESSION, person.secret);
    const stays = async () => (await browser.get("/account")).status === 200;
    for (let used = 0; used < 24; used++) {
      expect(await stays()).toBe(true);
      clock.advance(29.9 * 60_000);
    }
    expect(await stays()).toBe(true);
    clock.advance(20 * 60_000);
    expect(await stays()).toBe(false);
    clock.advance(-12 * 3_600_000);
    const next = await person.again();
    browser.cookies.set(SESSION, next.secret);
    expect(await stays()).toBe(true);
    clock.advance(31 * 60_000);
    expect(await stays()).toBe(false);
    clock.advance(-31 * 60_000);
    expect((await browser.post("/sign-out", {})).headers.get("location")).toBe("/sign-in");
    browser.cookies.set(SESSION, next.secret);
    expect(await stays()).toBe(false);
  });

  test("of https has the prefix that binds it to its host, and is not sent in the clear", async () => {
    const publicUrl = "https://quittance.example";
    const secure = await testApp({
      config: { publicUrl, isProduction: true, http: { ...config.http, hasGraphiql: false } },
    });
    const { url: _, ...served } = await testApi(secure);
    const home = await seedTenant(secure);
    const { invitation } = await createUser(secure, home.actor, {
      email: "c@example.com",
      name: "C",
      roles: [Role.ADMIN],
    });
    const browser = openBrowser(`http://localhost:${secure.config.port}`, publicUrl);
    const text = new URL(invitation.url).searchParams.get("invitation") ?? "";
    const { headers } = await browser.post("/join", { invitation: text, password: PASSWORD, repeated: PASSWORD });
    expect(headers.getSetCookie()[0]).toMatch(
      /^__Host-quittance-session=.*; Path=\/; HttpOnly; SameSite=Lax; .*; Secure$/,
    );
    const account = await browser.get("/account");
    expect([account.status, account.text.includes("/graphiql")]).toEqual([200, false]);
    await served.close();
  });
});

describe("another password", () => {
  test("takes the present one, and ends every other session of the person", async () => {
    const { browser, home } = await joined();
    const elsewhere = openBrowser(api.url);
    await elsewhere.post("/sign-in", signInForm(home.tenant.id, PASSWORD));
    const next = "a sentence nobody else would say";
    const form = { current: "not my password", password: next, repeated: next };
    expect((await browser.post("/account/password", form)).status).toBe(401);
    const { status, headers } = await browser.post("/account/password", { ...form, current: PASSWORD });
    expect([status, headers.get("location")]).toEqual([303, "/account?changed=1"]);
    expect((await browser.get("/account?changed=1")).text).toContain("The password is changed");
    expect((await elsewhere.get("/account")).headers.get("location")).toBe("/sign-in");
    expect((await elsewhere.post("/sign-in", signInForm(home.tenant.id, next))).status).toBe(303);
  });
});

describe("another password, sent twice or too late", () => {
  test("is taken once of two at a time, and by no session that was ended", async () => {
    const { home, user, browser } = await joined();
    const secret = present(browser.cookies.get(SESSION), "the session's cookie");
    const credentials = { secret, requestId: "req_test", traceparent: null, address: null };
    const actor = present(await actorOfSession(app, credentials), "who is signed in");
    const sessionId = present(await sessionIdOf(app, secret), "the session");
    const change = (current: string, next: string) => changePassword(app, actor, { current, next, sessionId });
    const nexts = ["a sentence nobody else would say", "another that nobody would think of"] as const;
    const both = await Promise.allSettled(nexts.map((next) => change(PASSWORD, next)));
    expect(both.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
    const taken = both[0]?.status === "fulfilled" ? nexts[0] : nexts[1];
    await endSession(app, actor, sessionId);
    await expect(change(taken, PASSWORD)).rejects.toMatchObject({ code: "UNAUTHENTICATED" });
    expect(await actsAbout(user.id, ActType.USER_PASSWORD_CHANGED)).toBe(1);
    expect((await openBrowser(api.url).post("/sign-in", signInForm(home.tenant.id, taken))).status).toBe(303);
  });
});

describe("who manages people", () => {
  test("gives and takes no scope that he lacks, and changes nothing about himself", async () => {
    const home = await seedTenant(app);
    const admin = await seedPerson(app, home.actor, [Role.ADMIN]);
    const manager = await seedPerson(app, home.actor, [Role.KEY_MANAGER]);
    const auditor = await seedPerson(app, home.actor, [Role.AUDITOR]);
    const input = (role: Role, name: string) => ({ email: `${name}@example.com`, name, roles: [role] });
    const attempts = [
      () => createUser(app, manager.actor, input(Role.ADMIN, "x")),
      () => createUser(app, manager.actor, input(Role.AUDITOR, "y")),
      () => disableUser(app, manager.actor, { userId: admin.user.id, reason: "mine now" }),
      () => inviteUser(app, manager.actor, admin.user.id),
      () => disableUser(app, admin.actor, { userId: admin.user.id, reason: "tired" }),
    ];
    for (const attempt of attempts) await expect(attempt()).rejects.toMatchObject({ code: "FORBIDDEN" });
    await createUser(app, manager.actor, input(Role.KEY_MANAGER, "z"));
    await createUser(app, admin.actor, input(Role.AUDITOR, "w"));
    await expect(createUser(app, admin.actor, input(Role.OPERATOR, "v"))).rejects.toMatchObject({ code: "VALIDATION" });
    const headers = { cookie: `${SESSION}=${auditor.secret}`, origin: config.publicUrl };
    const create = (role: string) => `mutation { createUser(input: { idempotencyKey: "${role}", email: "u@example.com",
      name: "U", roles: [${role}] }) { user { id } } }`;
    const refused = await api.ask({ query: create("AUDITOR"), headers });
    expect(refused.errors?.[0]?.extensions["code"]).toBe("FORBIDDEN");
    const { data } = await api.ask({ query: "{ users { totalCount edges { node { email roles } } } }", headers });
    expect(data.users.totalCount).toBe(5);
  });

  test("is an operator only until the first of a tenant's people, or programs, is in", async () => {
    const platform = await ensurePlatformTenant(app);
    const home = await seedTenant(app);
    const operators = { ...home.actor, tenantId: platform.id, tenantNo: platform.no };
    const operator = await seedClient(app, operators, null, ["operations:manage", "clients:manage"]);
    const ask = async (name: string) => {
      const query = `mutation { createUser(input: { idempotencyKey: "${name}", tenantId: "${home.tenant.id}",
        email: "${name}@example.com", name: "First", roles: [ADMIN] }) { user { id } invitation { url } } }`;
      return api.ask({ query, token: await operator.token() });
    };
    const { data } = await ask("first");
    expect((await ask("first")).data).toEqual(data); // a lost answer is had again, the link with it
    const invitation = new URL(data.createUser.invitation.url).searchParams.get("invitation") ?? "";
    await openBrowser(api.url).post("/join", { invitation, password: PASSWORD, repeated: PASSWORD });
    expect((await ask("second")).errors?.[0]?.extensions["code"]).toBe("FORBIDDEN");
    const key = await newKey();
    const operatorThere = { ...home.actor, kind: PrincipalKind.OPERATOR };
    const jwks = JSON.stringify(key.publicJwk);
    const client = { partnerId: null, name: "late", scopes: ["audit:read"], jwks };
    const proofs = [await proofOf(app, operatorThere, key)];
    await expect(createClient(app, operatorThere, { ...client, proofs })).rejects.toMatchObject({ code: "FORBIDDEN" });
    const byProgram = await seedTenant(app);
    await seedClient(app, byProgram.actor, null);
    const late = { email: "late@example.com", name: "Late", roles: [Role.ADMIN] };
    const actor = { ...byProgram.actor, kind: PrincipalKind.OPERATOR };
    await expect(createUser(app, actor, late)).rejects.toMatchObject({ code: "FORBIDDEN" });
  });
});

async function actsAbout(subjectId: string, type: ActType): Promise<number> {
  const [{ acts }] = await app.database.query("select count(*) as acts from act where subject_id = ? and type = ?", [
    subjectId,
    type,
  ]);
  return Number(acts);
}
