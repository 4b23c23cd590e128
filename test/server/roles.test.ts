import { type ChildProcess, execFileSync } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { beforeAll, expect, test, vi } from "vitest";
import type { Config } from "../../src/platform/config.js";
import { closeApp } from "../../src/platform/open-app.js";
import { relayLoops } from "../../src/server/relay-loops.js";
import { HEAP_FLAGS } from "../../src/server/roles/heap.js";
import { pause, runLoops } from "../../src/server/roles/loops.js";
import { openTestApp, testConfig } from "../support/app.js";
import { spawnCommand, startRole } from "../support/roles.js";

vi.setConfig({ testTimeout: 120_000 }); // processes start slowly where many do
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

test("Node knows what a role tells it about its heap", () => {
  const said = execFileSync(process.execPath, [...HEAP_FLAGS, "--version"], { encoding: "utf8" });
  expect(said.trim()).toBe(process.version); // an unknown flag would be refused
});

test("SIGTERM under load: every request that was sent is answered, and the process ends well", async () => {
  const { child, url } = await start("api", "--port", "0");
  const statuses: number[] = [];
  let isTerminated = false;
  const client = async () => {
    while (!isTerminated) statuses.push(await ask(url));
  };
  const clients = Array.from({ length: 10 }, client);
  while (statuses.length < 50) await sleep(10);
  isTerminated = true; // whoever is under way now was sent before the signal
  child.kill("SIGTERM");
  await Promise.all(clients);
  expect(new Set(statuses)).toEqual(new Set([200]));
  expect(await exitOf(child)).toEqual([0, null]);
});

test("an api process whose port is taken says so and ends", async () => {
  const { url } = await start("api", "--port", "0");
  const { code, err } = await run("api", "--port", new URL(url).port);
  expect(code).toBe(1);
  expect(err).toMatch(/^error: .*EADDRINUSE/);
});

test("worker and relay say when they work, and end well on SIGTERM", async () => {
  await together(["worker", "relay"], async (role) => {
    const { child } = await start(role);
    child.kill("SIGTERM");
    expect([role, ...(await exitOf(child))]).toEqual([role, 0, null]);
  });
});

test("as many loops as a relay has wait for one signal, and Node takes none of them for a leak", async () => {
  const app = await openTestApp();
  const [warnings, ending]: [Error[], AbortController] = [[], new AbortController()];
  const note = (warning: Error) => void warnings.push(warning);
  process.on("warning", note);
  const loops = relayLoops.map(({ name }) => ({
    name,
    run: (_: unknown, signal: AbortSignal) => pause(60_000, signal),
  }));
  const ended = runLoops(app, loops, ending.signal);
  await sleep(10); // warnings are given a turn later
  ending.abort();
  await ended;
  process.off("warning", note);
  await closeApp(app);
  expect([loops.length > 10, warnings]).toEqual([true, []]);
});

test("a process whose parent is gone ends by itself", async () => {
  await together(["api", "worker", "relay"], async (role) => {
    const { child } = await start(role, ...(role === "api" ? ["--port", "0"] : []));
    child.disconnect();
    expect([role, ...(await exitOf(child))]).toEqual([role, 0, null]);
  });
});

test("commands: a refusal exits with 1 and a sentence, a wrong call with 2; help and success with 0", async () => {
  const stranger = ["--tenant", "tnt_none", "--code", "a", "--kind", "GAME_PROVIDER", ...SETTLES];
  const refusal = { code: 1, out: "", err: "error: There is no such tenant. [NOT_FOUND]\n" };
  const created = expect.stringMatching(/^\{"id":"tnt_[0-9a-z]{26}"\}\n$/);
  await together(
    [
      { args: ["partner", "create", ...stranger], expected: refusal },
      { args: ["tenant", "create"], expected: { code: 2, out: "", err: expect.stringContaining("--name") } },
      { args: ["nothing"], expected: { code: 2, out: "", err: expect.stringContaining("nothing") } },
      { args: ["--help"], expected: { code: 0, out: expect.stringContaining("migrate"), err: "" } },
      { args: ["migrate", "--json"], expected: { code: 0, out: '{"migrations":[]}\n', err: "" } },
      { args: ["tenant", "create", "--name", "Demo", "--json"], expected: { code: 0, out: created, err: "" } },
    ],
    async ({ args, expected }) => expect(await run(...args)).toEqual(expected),
  );
});

const SETTLES = ["--currency", "BTC", "--timezone", "Asia/Seoul"];

async function together<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  await Promise.all(items.map(work));
}

const start = (...args: string[]) => startRole(config, ...args);

async function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const child = spawnCommand(config, args);
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
  return { code, out, err };
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
