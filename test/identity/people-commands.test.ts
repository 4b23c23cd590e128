import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { z } from "zod";
import { register } from "../../src/server/commands/people.js";
import { testApi } from "../support/api.js";
import { testApp } from "../support/app.js";
import { openBrowser } from "../support/browser.js";
import { runCommand } from "../support/commands.js";
import { CLIENT, openProvider } from "../support/openid.js";
import { PASSWORD } from "../support/people.js";
import { seedTenant } from "../support/seeds.js";

const app = await testApp();
const api = await testApi(app);
const folder = mkdtempSync(join(tmpdir(), "quittance-people-"));
afterAll(() => rmSync(folder, { recursive: true }));
writeFileSync(join(folder, "master.key"), app.config.masterKey.toString("base64url"));
const { databaseUrl, redisUrl } = app.config;
const server = ["--data-dir", folder, "--database-url", databaseUrl, "--redis-url", redisUrl];
const Invited = z.strictObject({ id: z.string(), invitation: z.string(), endsAt: z.string() });

/** Runs a command that prints one JSON document. */
async function answer(...words: string[]): Promise<unknown> {
  return JSON.parse((await runCommand(register, ...words, "--json", ...server)).stdout);
}

test("a person made at the shell is let in by the link, listed, invited again and disabled", async () => {
  const { tenant } = await seedTenant(app);
  const place = ["--tenant", tenant.id];
  const create = ["user", "create", ...place, "--email", "Dana@example.com", "--roles", "ADMIN,AUDITOR"];
  const { id, invitation } = Invited.parse(await answer(...create));
  const text = new URL(invitation).searchParams.get("invitation") ?? "";
  const browser = openBrowser(api.url);
  expect((await browser.post("/join", { invitation: text, password: PASSWORD, repeated: PASSWORD })).status).toBe(303);
  const dana = { id, email: "dana@example.com", name: "Dana@example.com", roles: "ADMIN AUDITOR" };
  expect(await answer("user", "list", ...place)).toEqual([{ ...dana, state: "ACTIVE" }]);
  expect(Invited.parse(await answer("user", "invite", ...place, "--user", id)).invitation).not.toBe(invitation);
  const disable = ["user", "disable", ...place, "--user", id, "--reason", "left"];
  expect(await answer(...disable)).toEqual({ id, state: "DISABLED" });
  await expect(runCommand(register, ...create.slice(0, -1), "ROOT", ...server)).rejects.toThrow(/--roles are of/);
  await expect(runCommand(register, "user", "list", ...server)).rejects.toThrow(/--tenant/);
  await expect(runCommand(register, "user", "list", "--operator", ...place, ...server)).rejects.toThrow(
    /cannot be used/,
  );
});

test("a provider is set with a secret from a file, says where it leads back to, and is removed", async () => {
  const { tenant } = await seedTenant(app);
  const provider = await openProvider("http://localhost/sign-in/callback");
  const secretFile = join(folder, "secret.txt");
  writeFileSync(secretFile, `${CLIENT.clientSecret}\n`);
  const named = ["--issuer", provider.issuer, "--client-id", CLIENT.clientId, "--secret-file", secretFile];
  const { stdout } = await runCommand(
    ...([register, "provider", "set", "--tenant", tenant.id, ...named, "--name", "Example", ...server] as const),
  );
  expect(stdout).toMatch(/Register http.*\/sign-in\/callback there/);
  expect((await openBrowser(api.url).get(`/sign-in/provider?tenant=${tenant.id}`)).status).toBe(303);
  expect(await answer("provider", "remove", "--tenant", tenant.id)).toEqual({});
  expect((await openBrowser(api.url).get(`/sign-in/provider?tenant=${tenant.id}`)).status).toBe(404);
  await provider.close();
});

test("a provider of the installation serves operators, and other tenants only where it is told to", async () => {
  const provider = await openProvider("http://localhost/sign-in/callback");
  const { tenant } = await seedTenant(app);
  const secretFile = join(folder, "operators.txt");
  writeFileSync(secretFile, CLIENT.clientSecret);
  const named = ["--issuer", provider.issuer, "--client-id", CLIENT.clientId, "--secret-file", secretFile];
  const set = ["provider", "set", "--operator", ...named, "--name", "Ours"];
  const status = async () => (await openBrowser(api.url).get(`/sign-in/provider?tenant=${tenant.id}`)).status;
  expect(await answer(...set)).toMatchObject({ issuer: provider.issuer });
  expect(await status()).toBe(404);
  await answer(...set, "--all-tenants", "--allow-passwords");
  expect(await status()).toBe(303);
  await answer("provider", "remove", "--operator");
  expect(await status()).toBe(404);
  const misuse = runCommand(register, "provider", "set", ...named, "--name", "Ours", ...server);
  await expect(misuse).rejects.toThrow(/--tenant, or say --operator/);
  const nobody = ["provider", "set", "--tenant", "tnt_x", ...named, "--name", "Ours", ...server];
  await expect(runCommand(register, ...nobody)).rejects.toMatchObject({ code: "NOT_FOUND" });
  await provider.close();
});
