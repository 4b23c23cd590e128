import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Command } from "commander";
import { calculateJwkThumbprint, decodeJwt } from "jose";
import { afterAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { issueToken } from "../../src/identity/tokens/service.js";
import { register as registerClientKeys } from "../../src/server/commands/client-keys.js";
import { register as registerKeys } from "../../src/server/commands/keys.js";
import { register as registerProve } from "../../src/server/commands/prove.js";
import { openSession } from "../../src/server/partner-client.js";
import { testApi } from "../support/api.js";
import { testApp } from "../support/app.js";
import { runCommand } from "../support/commands.js";
import { type KeyedClient, settle, tokenForm } from "./place.js";
import { newKey } from "./signing.js";

const app = await testApp();
const api = await testApi(app);
const folder = mkdtempSync(join(tmpdir(), "quittance-identity-"));
afterAll(() => rmSync(folder, { recursive: true }));

describe("the partner's side", () => {
  const keyFile = (keyed: KeyedClient) => {
    const file = join(folder, `${keyed.key.kid}.json`);
    const { kid, alg } = keyed.key;
    writeFileSync(file, JSON.stringify({ ...keyed.key.privateKey.export({ format: "jwk" }), kid, alg }));
    return file;
  };

  test("a session gets one token for many questions, and another when the first has ended", async () => {
    const { client } = await settle(app);
    const keyed = await client(["audit:read", "configs:draft"]);
    const input = { url: `${api.url}/`, clientId: keyed.client.id, keyFile: keyFile(keyed), scope: "audit:read" };
    const session = await openSession(input);
    const Answer = z.object({ viewer: z.object({ clientId: z.string(), scopes: z.array(z.string()) }) });
    const answer = await session.graphql(Answer, "{ viewer { clientId scopes } }");
    expect(answer.viewer).toEqual({ clientId: keyed.client.id, scopes: ["audit:read"] });
    const first = await session.token();
    expect(await session.token()).toBe(first);
    app.clock.advance(700_000); // the server's clock alone: the session learns from its refusal
    try {
      await expect(session.graphql(Answer, "{ viewer { clientId scopes } }")).rejects.toThrow(/invalid_client/);
    } finally {
      app.clock.advance(-700_000);
    }
    await expect(session.graphql(Answer, "{ viewer { clientId scopes } }")).resolves.toEqual(answer);
    expect(await session.token()).not.toBe(first);
  });

  test.each(["EdDSA", "ES256", "PS256"])(
    "a session binds its tokens to a key of %s where it is told to",
    async (alg) => {
      const keyed = await (await settle(app)).client(["audit:read"], null, alg);
      const input = { url: api.url, clientId: keyed.client.id, keyFile: keyFile(keyed), dpop: true };
      const session = await openSession(input);
      const Answer = z.object({ viewer: z.object({ clientId: z.string() }) });
      for (let times = 0; times < 3; times++) {
        expect(await session.graphql(Answer, "{ viewer { clientId } }")).toEqual({
          viewer: { clientId: keyed.client.id },
        });
        app.clock.advance(1);
      }
      expect(decodeJwt(await session.token())["cnf"]).toEqual({ jkt: keyed.key.kid });
    },
  );

  test("a refusal has the server's own code, and is not tried again", async () => {
    const { client } = await settle(app);
    const keyed = await client(["configs:draft"]);
    const session = await openSession({ url: api.url, clientId: keyed.client.id, keyFile: keyFile(keyed) });
    await expect(session.graphql(z.unknown(), "{ keys { totalCount } }")).rejects.toMatchObject({ code: "FORBIDDEN" });
    await expect(session.graphql(z.unknown(), "{ nonsense }")).rejects.toMatchObject({ code: "VALIDATION" });
    const forged = await openSession({ url: api.url, clientId: "cli_x", keyFile: keyFile(keyed) });
    await expect(forged.token()).rejects.toMatchObject({ code: "invalid_client", retryable: false });
  });

  test("a file without a private key is refused before anything is asked", async () => {
    const file = join(folder, "public.json");
    writeFileSync(file, JSON.stringify((await newKey()).publicJwk));
    await expect(openSession({ url: api.url, clientId: "cli_x", keyFile: file })).rejects.toThrow(/private JWK/);
  });
});

describe("the commands", () => {
  const bin = fileURLToPath(new URL("../../bin/quittance", import.meta.url));
  writeFileSync(join(folder, "master.key"), app.config.masterKey.toString("base64url"));
  const { databaseUrl, redisUrl } = app.config;
  const server = ["--data-dir", folder, "--database-url", databaseUrl, "--redis-url", redisUrl];
  const file = (name: string) => join(folder, name);
  const PROCESSES_MS = 120_000; // each command is a process of its own, and the machine has other work
  /** As a shell runs it. */
  const run = async (...words: string[]): Promise<{ code: number; out: string; err: string }> => {
    try {
      const { stdout, stderr } = await promisify(execFile)(process.execPath, [bin, ...words]);
      return { code: 0, out: stdout, err: stderr };
    } catch (error) {
      const Failed = z.object({ code: z.number(), stdout: z.string(), stderr: z.string() });
      const { code, stdout: out, stderr: err } = Failed.parse(error);
      return { code, out, err };
    }
  };
  const answerOf = async <T>(answer: z.ZodType<T>, ...words: string[]): Promise<T> => {
    const { code, out, err } = await run(...words, "--json");
    expect(code, err).toBe(0);
    return answer.parse(JSON.parse(out));
  };
  const Made = z.strictObject({ kid: z.string(), publicJwk: z.looseObject({ kid: z.string(), alg: z.string() }) });

  test(
    "from an empty installation to an access token, as an installer would script it",
    async () => {
      const tenant = await answerOf(
        z.strictObject({ id: z.string() }),
        "tenant",
        "create",
        "--name",
        "Casino",
        ...server,
      );
      const partner = await answerOf(
        z.strictObject({ id: z.string() }),
        ...["partner", "create", "--tenant", tenant.id, "--code", "P1", "--kind", "GAME_PROVIDER"],
        ...["--currency", "BTC", "USD", "--timezone", "Asia/Seoul", ...server],
      );
      const made = await answerOf(Made, "keygen", "--alg", "EdDSA", "--out", file("key.json"));
      expect(made.publicJwk).toMatchObject({ kid: made.kid, alg: "EdDSA" });
      expect(made.publicJwk).not.toHaveProperty("d");
      writeFileSync(file("pub.json"), JSON.stringify(made));
      const client = await answerOf(
        z.strictObject({ clientId: z.string() }),
        ...["client", "create", "--tenant", tenant.id, "--partner", partner.id, "--jwks", file("pub.json")],
        ...["--scopes", "batches:submit batches:read", ...server],
      );
      const token = await run("token", "--url", api.url, "--client", client.clientId, "--key", file("key.json"));
      expect(token).toMatchObject({ code: 0, err: "" });
      const text = token.out.trim();
      expect(decodeJwt(text)).toMatchObject({ client_id: client.clientId, partner: partner.id, tenant: tenant.id });
      const viewer = await api.ask({ query: "{ viewer { partner { code currencies timezone } } }", token: text });
      expect(viewer.data).toEqual({
        viewer: { partner: { code: "P1", currencies: ["BTC", "USD"], timezone: "Asia/Seoul" } },
      });
    },
    PROCESSES_MS,
  );

  test(
    "misuse ends with 2 and failure with 1, both with nothing on standard output",
    async () => {
      writeFileSync(file("one.json"), JSON.stringify((await newKey()).publicJwk));
      const misuse = await run("client", "create", "--jwks", file("one.json"), "--scopes", "audit:read", ...server);
      expect(misuse).toMatchObject({ code: 2, out: "", err: expect.stringMatching(/--tenant/) });
      const failure = await run("key", "revoke", "--tenant", "tnt_x", "--key", "key_x", "--reason", "lost", ...server);
      expect(failure).toMatchObject({ code: 1, out: "", err: expect.stringMatching(/no such tenant.*NOT_FOUND/) });
    },
    PROCESSES_MS,
  );

  test.each(["EdDSA", "Ed25519", "ES256", "ES384", "PS256"])(
    "keygen makes %s keys that only their owner can read",
    async (alg) => {
      const out = file(`${alg}.json`);
      const { stdout } = await runCommand(registerKeys, "keygen", "--alg", alg, "--out", out, "--json");
      const { kid, publicJwk } = Made.parse(JSON.parse(stdout));
      expect(publicJwk).toMatchObject({ kid, alg, use: "sig" });
      expect(await calculateJwkThumbprint(publicJwk)).toBe(kid);
      expect(statSync(out).mode & 0o777).toBe(0o600);
      const secret: unknown = JSON.parse(readFileSync(out, "utf8"));
      const { use: _, ...shared } = publicJwk;
      expect(secret).toMatchObject({ ...shared, d: expect.any(String) });
      await expect(runCommand(registerKeys, "keygen", "--out", out)).rejects.toThrow(/exists; --force/);
      expect(JSON.parse(readFileSync(out, "utf8"))).toEqual(secret);
      await runCommand(registerKeys, "keygen", "--out", out, "--force", "--json");
      expect(JSON.parse(readFileSync(out, "utf8"))).not.toEqual(secret);
    },
  );

  const keyCommands = (program: Command) => {
    registerKeys(program);
    registerClientKeys(program);
    registerProve(program);
  };

  test("keys are registered and revoked, and private ones refused", async () => {
    const { shell, client } = await settle(app);
    const keyed = await client(["audit:read"]);
    const made = Made.parse(
      JSON.parse((await runCommand(registerKeys, "keygen", "--out", file("second.json"), "--json")).stdout),
    );
    writeFileSync(file("second-pub.json"), JSON.stringify({ keys: [made.publicJwk] }));
    const there = ["--tenant", shell.tenantId, "--json", ...server];
    const named = ["--client", keyed.client.id, "--jwk", file("second-pub.json")];
    const registered = await runCommand(keyCommands, "key", "register", ...named, ...there);
    const key = z.object({ id: z.string(), kid: z.literal(made.kid) }).parse(JSON.parse(registered.stdout));
    const revoked = await runCommand(keyCommands, "key", "revoke", "--key", key.id, "--reason", "lost", ...there);
    expect(JSON.parse(revoked.stdout)).toEqual({ ...key, state: "REVOKED" });
    const first = await runCommand(keyCommands, "key", "revoke", "--kid", keyed.key.kid, "--reason", "lost", ...there);
    expect(JSON.parse(first.stdout)).toMatchObject({ kid: keyed.key.kid, state: "REVOKED" });
    const unknown = runCommand(keyCommands, "key", "revoke", "--kid", "nobody's", "--reason", "lost", ...there);
    await expect(unknown).rejects.toMatchObject({ code: "NOT_FOUND" });
    const both = ["key", "revoke", "--kid", key.kid, "--key", key.id, "--reason", "lost", ...there];
    await expect(runCommand(keyCommands, ...both)).rejects.toThrow(/cannot be used with/);
    await expect(runCommand(keyCommands, "key", "revoke", "--reason", "lost", ...there)).rejects.toThrow(/--kid/);
    const leak = ["client", "create", "--jwks", file("second.json"), "--scopes", "audit:read", ...there];
    await expect(runCommand(keyCommands, ...leak)).rejects.toMatchObject({ details: { fault: "PRIVATE" } });
  });

  test("an operator's client belongs to the installation", async () => {
    const key = await newKey();
    writeFileSync(file("operator.json"), JSON.stringify(key.publicJwk));
    const create = ["client", "create", "--operator", "--jwks", file("operator.json"), "--json", ...server];
    const { stdout } = await runCommand(registerKeys, ...create, "--scopes", "operations:manage,clients:manage");
    const { clientId } = z.strictObject({ clientId: z.string() }).parse(JSON.parse(stdout));
    const { access_token: token } = await issueToken(app, await tokenForm(app, { client: { id: clientId }, key }));
    expect((await api.ask({ query: "{ viewer { kind } }", token })).data).toEqual({ viewer: { kind: "OPERATOR" } });
  });
});
