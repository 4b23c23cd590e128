import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Command } from "commander";
import { decodeProtectedHeader } from "jose";
import { afterAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { registerKeys as registerKeysOf } from "../../src/identity/registrations/service.js";
import { issueToken } from "../../src/identity/tokens/service.js";
import { PrincipalKind } from "../../src/kernel/actor.js";
import { closeApp } from "../../src/platform/open-app.js";
import { register as registerClientKeys } from "../../src/server/commands/client-keys.js";
import { register as registerKeys } from "../../src/server/commands/keys.js";
import { register as registerLog } from "../../src/server/commands/log.js";
import { register as registerPlatformKeys } from "../../src/server/commands/platform-keys.js";
import { register as registerProve } from "../../src/server/commands/prove.js";
import { ensurePlatformTenant } from "../../src/tenancy/service.js";
import { noteAnchor } from "../../src/transparency/anchors/service.js";
import { openTestApp, testApp } from "../support/app.js";
import { type Ran, runCommand } from "../support/commands.js";
import { growSigned } from "../support/log.js";
import { seedPartner, seedTenant } from "../support/seeds.js";
import { type KeyedClient, provenKey, settle, tokenForm } from "./place.js";
import { newKey } from "./signing.js";

const app = await testApp();
const folder = mkdtempSync(join(tmpdir(), "quittance-shell-"));
afterAll(() => rmSync(folder, { recursive: true }));
writeFileSync(join(folder, "master.key"), app.config.masterKey.toString("base64url"));
const { databaseUrl, redisUrl } = app.config;
const server = ["--data-dir", folder, "--database-url", databaseUrl, "--redis-url", redisUrl];
const file = (name: string) => join(folder, name);
const register = (program: Command) => {
  for (const each of [registerKeys, registerClientKeys, registerProve, registerPlatformKeys, registerLog])
    each(program);
};
const run = (...words: string[]): Promise<Ran> => runCommand(register, ...words);
const Key = z.object({ id: z.string(), kid: z.string(), state: z.string() });

/** The JSON that a command prints against the test's installation. */
async function answer(...words: string[]): Promise<unknown> {
  return JSON.parse((await run(...words, "--json", ...server)).stdout);
}

/** A new pair in two files; answers its kid. */
async function keygen(name: string, ...more: string[]): Promise<string> {
  const { stdout } = await run("keygen", "--out", file(`${name}.json`), "--json", ...more);
  writeFileSync(file(`${name}-public.json`), stdout);
  return z.object({ kid: z.string() }).parse(JSON.parse(stdout)).kid;
}

const hasToken = async (client: KeyedClient) =>
  issueToken(app, await tokenForm(app, client)).then(
    () => true,
    () => false,
  );

describe("clients' keys at the shell", () => {
  test.each([
    ["a signing key", []],
    ["an encryption key", ["--use", "enc"]],
  ])("%s is challenged, proven, registered with the proof, and listed", async (name, use) => {
    const { shell, client } = await settle(app);
    const { client: holder } = await client(["audit:read"]);
    const there = ["--tenant", shell.tenantId, "--client", holder.id];
    const stem = name.replaceAll(" ", "-");
    const kid = await keygen(stem, ...use);
    const jwk = ["--jwk", file(`${stem}-public.json`)];
    writeFileSync(file("challenges.json"), JSON.stringify(await answer("key", "challenge", ...there, ...jwk)));
    const proof = await run("prove", file("challenges.json"), "--key", file(`${stem}.json`));
    writeFileSync(file("proof.txt"), proof.stdout);
    const proven = await answer("key", "register", ...there, ...jwk, "--proof", file("proof.txt"));
    expect(proven).toMatchObject({ kid, keys: [{ kid }] });
    const listed = z.array(Key).parse(await answer("key", "list", ...there, "--state", "ACTIVE"));
    expect(listed.map((each) => each.kid)).toContain(kid);
    const { stdout } = await run("key", "list", ...there, ...server);
    expect(stdout.split("\n")).toHaveLength(2);
    expect(stdout).toMatch(/key_\S+ {2}ACTIVE {2}cli_\S+ {2}\S+ {2}never used {2}/);
  });

  test("a proof of another key, and a file without a challenge for the key, are refused", async () => {
    const { shell, client } = await settle(app);
    const there = ["--tenant", shell.tenantId, "--client", (await client(["audit:read"])).client.id];
    for (const name of ["mine", "theirs"]) await keygen(name, "--force");
    const jwk = ["--jwk", file("mine-public.json")];
    writeFileSync(file("challenges.json"), JSON.stringify(await answer("key", "challenge", ...there, ...jwk)));
    const prove = run("prove", file("challenges.json"), "--key", file("theirs.json"));
    await expect(prove).rejects.toThrow(/holds no challenge for the key/);
    writeFileSync(file("proof.txt"), "eyJhbGciOiJFZERTQSJ9.e30.AAAA");
    const forged = run("key", "register", ...there, ...jwk, "--proof", file("proof.txt"), ...server);
    await expect(forged).rejects.toMatchObject({ code: "VALIDATION" });
    const late = ["--not-before", "2031-01-01T00:00:00Z", "--expires-at", "2030-01-01T00:00:00Z"];
    const backwards = run("key", "register", ...there, ...jwk, ...late, ...server);
    await expect(backwards).rejects.toMatchObject({ code: "VALIDATION", details: { path: "/expiresAt" } });
    await expect(run("key", "register", ...there, ...jwk, "--expires-at", "soon", ...server)).rejects.toThrow(
      /An instant is like/,
    );
  });

  test("a key that waits is approved, suspended, resumed, rotated, and ends when it is said to", async () => {
    const { shell, client } = await settle(app);
    const [admin, holder] = [await client(["keys:manage"]), await client(["audit:read"])];
    const asAdmin = { ...shell, kind: PrincipalKind.TENANT, principalId: admin.client.id };
    const input = { clientId: holder.client.id, ...(await provenKey(app, asAdmin, holder.client.id)) };
    const [pending] = await registerKeysOf(app, asAdmin, input);
    const there = ["--tenant", shell.tenantId];
    const named = [...there, "--key", pending?.id ?? ""];
    expect(await answer("key", "list", ...there, "--state", "PENDING_APPROVAL")).toMatchObject([{ id: pending?.id }]);
    expect(await answer("key", "approve", ...named)).toMatchObject({ id: pending?.id, state: "ACTIVE" });
    await expect(run("key", "approve", ...named, ...server)).rejects.toMatchObject({ code: "VERSION_CONFLICT" });
    const first = [...there, "--kid", holder.key.kid];
    expect(await hasToken(holder)).toBe(true);
    expect(await answer("key", "suspend", ...first, "--reason", "odd")).toMatchObject({ state: "SUSPENDED" });
    expect(await hasToken(holder)).toBe(false);
    expect(await answer("key", "resume", ...first, "--reason", "it was us")).toMatchObject({ state: "ACTIVE" });
    expect(await hasToken(holder)).toBe(true);
    await keygen("next", "--force");
    const rotate = ["key", "rotate", ...first, "--jwk", file("next-public.json"), "--overlap-hours", "1"];
    expect(await answer(...rotate)).toMatchObject({ state: "ACTIVE" });
    app.clock.advance(3_600_001);
    expect(await hasToken(holder)).toBe(false);
    app.clock.advance(-3_600_001);
    const end = new Date(app.clock.now().getTime() + 60_000).toISOString();
    expect(await answer("key", "expire", ...named, "--at", end)).toMatchObject({ id: pending?.id });
    const { stdout } = await run("key", "suspend", ...named, "--reason", "odd", ...server);
    expect(stdout).toMatch(/^Key key_\S+ \(kid \S+\) is SUSPENDED\.$/);
  });

  test("keys are revoked as compromised, and all at once; nobody guesses whose", async () => {
    const home = await seedTenant(app);
    const one = await seedPartner(app, home);
    const two = await seedPartner(app, home);
    const there = ["--tenant", home.tenant.id];
    const since = new Date(app.clock.now().getTime() - 3_600_000).toISOString();
    const stolen = ["--kid", one.key.kid, "--reason", "stolen", "--compromised-since", since];
    expect(await answer("key", "revoke", ...there, ...stolen)).toMatchObject({ state: "REVOKED" });
    const all = ["key", "revoke-all", ...there, "--reason", "a leak"];
    expect(await answer(...all, "--partner", two.partner.id)).toMatchObject({ keyCount: 1 });
    expect(await hasToken(two)).toBe(false);
    const { stdout } = await run(...all, "--whole-tenant", ...server);
    expect(stdout).toMatch(/^0 keys are REVOKED/);
    await expect(run(...all, ...server)).rejects.toThrow(/say one of/);
    await expect(run(...all, "--whole-tenant", "--client", one.client.id, ...server)).rejects.toThrow(/say one of/);
    const stranger = await seedTenant(app);
    const other = ["--tenant", stranger.tenant.id, "--partner", one.partner.id, "--reason", "a leak"];
    await expect(run("key", "revoke-all", ...other, ...server)).rejects.toMatchObject({ code: "NOT_FOUND" });
    const late = ["--kid", one.key.kid, "--reason", "stolen", "--compromised-since", "yesterday"];
    await expect(run("key", "revoke", ...there, ...late, ...server)).rejects.toThrow(/An instant is like/);
    await expect(run("key", "list", ...there, "--state", "LOST", ...server)).rejects.toThrow(/Allowed choices/);
  });
});

describe("the platform's keys at the shell", () => {
  const Next = z.object({ kid: z.string(), signsFrom: z.string() });
  const Listed = z.array(z.object({ kid: z.string(), signsFrom: z.string(), compromisedAt: z.string().nullable() }));

  test("the next one is published ahead, or signs at once, or follows a theft", async () => {
    const { tenant, actor } = await seedTenant(app);
    await growSigned(app, { tenant, actor }, 1);
    const there = ["--tenant", tenant.id];
    const list = async () => Listed.parse(await answer("platform-key", "list", ...there));
    const ahead = Next.parse(await answer("platform-key", "rotate", ...there));
    expect(new Date(ahead.signsFrom).getTime()).toBeGreaterThan(Date.now() + 3_000_000);
    const { stdout } = await run("platform-key", "rotate", ...there, "--now", ...server);
    expect(stdout).toMatch(/^Key \S+ signs from 20\S+ on\.$/);
    const [stolen] = await list();
    const since = new Date(Date.now() - 60_000).toISOString();
    const theft = ["--compromised-since", since, "--kid", stolen?.kid ?? ""];
    await expect(run("platform-key", "rotate", ...there, ...theft, ...server)).rejects.toThrow(/say why/);
    await answer("platform-key", "rotate", ...there, ...theft, "--reason", "a stolen disk");
    const after = await list();
    expect(after.find(({ kid }) => kid === stolen?.kid)?.compromisedAt).toBe(since);
    expect((await run("platform-key", "list", ...there, ...server)).stdout).toContain(`compromised ${since}`);
    const unknown = ["--compromised-since", since, "--kid", "nobody's", "--reason", "x"];
    await expect(run("platform-key", "rotate", ...there, ...unknown, ...server)).rejects.toMatchObject({
      code: "NOT_FOUND",
    });
  });

  test("that of the installation signs access tokens, and whose is meant must be said", async () => {
    const { client } = await settle(app);
    const keyed = await client(["audit:read"]);
    await ensurePlatformTenant(app);
    const { kid } = Next.parse(await answer("platform-key", "rotate", "--installation", "--now"));
    const fresh = await openTestApp();
    const { access_token: token } = await issueToken(fresh, await tokenForm(fresh, keyed));
    expect(decodeProtectedHeader(token).kid).toBe(kid);
    await closeApp(fresh);
    await expect(run("platform-key", "list", ...server)).rejects.toThrow(/--tenant, or say --installation/);
    const both = ["--installation", "--tenant", "tnt_x", ...server];
    await expect(run("platform-key", "list", ...both)).rejects.toThrow(/cannot be used with/);
    await expect(run("platform-key", "list", "--tenant", "tnt_x", ...server)).rejects.toMatchObject({
      code: "NOT_FOUND",
    });
  });

  test("data keys are wrapped anew, and then there is nothing left to do", async () => {
    await seedTenant(app);
    const Wrapped = z.object({ wrapped: z.number(), masterKey: z.string() });
    Wrapped.parse(await answer("master-key", "rewrap"));
    expect(Wrapped.parse(await answer("master-key", "rewrap")).wrapped).toBe(0);
  });
});

describe("a log at the shell", () => {
  test("shows its key and newest checkpoint, and is another log once it was restarted, with a reason", async () => {
    const home = await seedTenant(app);
    const there = ["--tenant", home.tenant.id];
    const Shown = z.object({ origin: z.string(), verifierKey: z.string(), checkpoint: z.string().nullable() });
    const empty = await run("log", "show", ...there, ...server);
    expect(empty.stdout).toContain("No checkpoint is signed yet.");
    await growSigned(app, home, 3);
    const before = Shown.parse(await answer("log", "show", ...there));
    expect(before.checkpoint?.startsWith(before.origin)).toBe(true);
    await expect(run("log", "restart", ...there, ...server)).rejects.toThrow(/--reason/);
    const restarted = await answer("log", "restart", ...there, "--reason", "the disk was lost");
    const after = Shown.parse(await answer("log", "show", ...there));
    expect(restarted).toEqual({ from: before.verifierKey, to: after.verifierKey });
    expect(after.origin).not.toBe(before.origin);
    const again = await run("log", "restart", ...there, "--reason", "again", ...server);
    expect(again.stdout).toContain("Tell everybody who pinned the old key.");
    await expect(run("log", "show", "--tenant", "tnt_x", ...server)).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  test("goes on without a witness that is away, with a reason", async () => {
    const home = await seedTenant(app);
    const there = ["--tenant", home.tenant.id, "--witness", "w.example"];
    await expect(run("log", "waive", ...there, ...server)).rejects.toThrow(/--reason/);
    const waive = ["log", "waive", ...there, "--reason", "it is gone"];
    await expect(run(...waive, ...server)).rejects.toMatchObject({ code: "NOT_FOUND" });
    await noteAnchor(app, home.tenant.no, { name: "w.example", size: 0, heldAt: null, fault: "AWAY" });
    const Waived = z.object({ witness: z.literal("w.example"), waivedUntil: z.iso.datetime() });
    const { waivedUntil } = Waived.parse(await answer(...waive));
    const { stdout } = await run("log", "show", "--tenant", home.tenant.id, ...server);
    expect(stdout).toContain(`w.example holds 0 leaves since never: AWAY, not waited for until ${waivedUntil}`);
  });
});

test("files that hold no key are refused before anything is asked", async () => {
  writeFileSync(file("nothing.json"), JSON.stringify({ kty: "OKP" }));
  const { shell, client } = await settle(app);
  const there = ["--tenant", shell.tenantId, "--client", (await client(["audit:read"])).client.id, ...server];
  await expect(run("key", "challenge", ...there, "--jwk", file("nothing.json"))).rejects.toMatchObject({
    code: "VALIDATION",
  });
  const { privateKey } = await newKey();
  writeFileSync(file("private.json"), JSON.stringify({ ...privateKey.export({ format: "jwk" }), kid: "p" }));
  await expect(run("key", "register", ...there, "--jwk", file("private.json"))).rejects.toMatchObject({
    details: { fault: "PRIVATE" },
  });
});
