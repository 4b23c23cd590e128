import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { beforeAll, expect, onTestFinished, test } from "vitest";
import { childEnvironment, type Config } from "../../src/platform/config.js";
import { testConfig } from "../support/app.js";

const MAIN = new URL("../../src/server/main.ts", import.meta.url).pathname;
let config: Config;
beforeAll(async () => {
  config = await testConfig();
});

test("an api process takes a free port, says where, and answers there under its own name", async () => {
  const { url } = await start("api", "--port", "0");
  expect((await fetch(`${url}/readyz`)).status).toBe(200);
  const metadata: unknown = await (await fetch(`${url}/.well-known/oauth-authorization-server`)).json();
  expect(metadata).toMatchObject({ issuer: url });
});

test("SIGTERM under load: every request that was sent is answered, and the process ends well", async () => {
  const { child, url } = await start("api", "--port", "0");
  const statuses: number[] = [];
  let isTerminated = false;
  const client = async () => {
    while (!isTerminated) statuses.push(await ask(url));
  };
  const clients = Array.from({ length: 10 }, client);
  await sleep(300);
  isTerminated = true; // whoever is under way now was sent before the signal
  child.kill("SIGTERM");
  await Promise.all(clients);
  expect(statuses.length).toBeGreaterThan(20);
  expect(new Set(statuses)).toEqual(new Set([200]));
  expect(await exitOf(child)).toEqual([0, null]);
});

test.each(["worker", "relay"])("a %s process says when it works, and ends well on SIGTERM", async (role) => {
  const { child } = await start(role);
  child.kill("SIGTERM");
  expect(await exitOf(child)).toEqual([0, null]);
});

test.each(["api", "worker", "relay"])("a %s process whose parent is gone ends by itself", async (role) => {
  const { child } = await start(role, ...(role === "api" ? ["--port", "0"] : []));
  child.disconnect();
  expect(await exitOf(child)).toEqual([0, null]);
});

test("commands: what is refused exits with 1 and a sentence, what is called wrongly with 2; help is no failure", async () => {
  expect(await run("partner", "create", "--tenant", "tnt_none", "--code", "a", "--kind", "GAME_PROVIDER", ...SETTLES)).toEqual({
    code: 1,
    out: "",
    err: "error: There is no such tenant. [NOT_FOUND]\n",
  });
  expect(await run("tenant", "create")).toMatchObject({ code: 2, out: "" });
  expect(await run("nothing")).toMatchObject({ code: 2, out: "" });
  expect(await run("--help")).toMatchObject({ code: 0, err: "" });
  expect(await run("migrate", "--json")).toEqual({ code: 0, out: '{"migrations":[]}\n', err: "" });
  expect(await run("tenant", "create", "--name", "Demo", "--json")).toMatchObject({
    code: 0,
    out: expect.stringMatching(/^\{"id":"tnt_[0-9a-z]{26}"\}\n$/),
    err: "",
  });
});

const SETTLES = ["--currency", "BTC", "--timezone", "Asia/Seoul"];

async function start(...args: string[]): Promise<{ child: ChildProcess; url: string }> {
  const child = spawn(args);
  const [message] = await once(child, "message");
  expect(message).toMatchObject({ ready: true });
  return { child, url: String(message.url) };
}

async function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const child = spawn(args);
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
  return { code, out, err };
}

/** A process of the command itself, on this worker's database and a Redis prefix of its own. */
function spawn(args: string[]): ChildProcess {
  const child = fork(MAIN, args, {
    execArgv: ["--import", "tsx"],
    stdio: ["ignore", "pipe", "pipe", "ipc"],
    env: childEnvironment({
      DATABASE_URL: config.databaseUrl,
      REDIS_URL: config.redisUrl,
      QUITTANCE_REDIS_PREFIX: config.redisPrefix.slice(1, -1),
      QUITTANCE_MASTER_KEY: config.masterKey.toString("base64url"),
      QUITTANCE_LOG_LEVEL: "warn",
      NODE_ENV: "development",
    }),
  });
  onTestFinished(() => {
    if (child.exitCode === null) child.kill("SIGKILL");
  });
  return child;
}

async function exitOf(child: ChildProcess): Promise<unknown[]> {
  return child.exitCode === null ? once(child, "exit") : [child.exitCode, child.signalCode];
}

async function text(stream: NodeJS.ReadableStream | null): Promise<string> {
  let whole = "";
  for await (const chunk of stream ?? []) whole += String(chunk);
  return whole;
}

async function ask(url: string): Promise<number> {
  const response = await fetch(`${url}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ query: "{ errorCodes { code } }" }),
  });
  await response.text();
  return response.status;
}
