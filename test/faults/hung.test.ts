import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from "vitest";
import { HTTP_DEFAULTS } from "../../src/platform/config.js";
import { migrate } from "../../src/platform/migrate.js";
import { closeApp } from "../../src/platform/open-app.js";
import { tokenForm } from "../identity/place.js";
import { openTestApi, type TestApi } from "../support/api.js";
import { openTestApp, type TestApp } from "../support/app.js";
import { type Exchange, openExchange, payloadOf, sign } from "../support/batches.js";
import { seedClient } from "../support/seeds.js";
import { dial, untilClosed } from "../support/tcp.js";
import { openServers, type Servers } from "./servers.js";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

let servers: Servers;
let app: TestApp;
let api: TestApi;
let place: Exchange;

beforeAll(async () => {
  servers = await openServers();
  const http = { ...HTTP_DEFAULTS, operationMsMax: 1_500, bodyMsMax: 400 };
  const { databaseUrl } = servers;
  app = await openTestApp({ config: { databaseUrl, http, statementMsMax: http.operationMsMax } });
  await migrate(app.database);
  api = await openTestApi(app);
  place = await openExchange(app);
});

afterAll(async () => {
  await api.close();
  await closeApp(app);
  await servers.close();
});

/** A request, and its status once the database answers again; a mutation and a token are sent anew then. */
interface Case {
  readonly what: string;
  readonly status: number;
  readonly send: () => Promise<Response>;
}

function post(path: string, body: string, headers: Readonly<Record<string, string>>): Promise<Response> {
  return fetch(api.url + path, { method: "POST", body, headers });
}

/** What clients ask for that reads or writes the database. */
async function cases(): Promise<Case[]> {
  const auditor = await seedClient(app, place.home.actor, null);
  const [token, audit] = [await place.token(), await auditor.token()];
  const get = (path: string, of = token) => fetch(api.url + path, { headers: { authorization: `Bearer ${of}` } });
  const ask = (query: string, variables: object = {}) => {
    const headers = { "content-type": "application/json", authorization: `Bearer ${token}` };
    return post("/graphql", JSON.stringify({ query, variables }), headers);
  };
  const submit = "mutation ($jws: String!) { submitBatch(input: { jws: $jws, waitMs: 0 }) { replayed } }";
  const { client, key } = auditor;
  const jws = await sign(payloadOf(app, place), place.key);
  const urlencoded = { "content-type": "application/x-www-form-urlencoded" };
  const askToken = async () => {
    const form = new URLSearchParams([...(await tokenForm(app, { client, key }))]);
    return post("/oauth/token", form.toString(), urlencoded);
  };
  return [
    { what: "a query", status: 200, send: () => ask("{ batches { edges { node { id } } } }") },
    { what: "a mutation", status: 200, send: () => ask(submit, { jws }) },
    { what: "a token", status: 200, send: askToken },
    { what: "a download", status: 404, send: () => get("/statements/stm_01h455vb4pex5vsknk084sn02q.csv") },
    { what: "an export", status: 200, send: () => get("/acts.csv", audit) },
    { what: "a checkpoint", status: 404, send: () => get(`/log/${place.tenant.id}/checkpoint`) },
    { what: "readiness", status: 200, send: () => get("/readyz") },
  ];
}

test("while the database says nothing every request is answered so, and all is well when it speaks again", async () => {
  const all = await cases();
  const pid = servers.pid("mariadb");
  process.kill(pid, "SIGSTOP");
  onTestFinished(() => void process.kill(pid, "SIGCONT"));
  await vi.waitUntil(() => readFileSync(`/proc/${pid}/stat`, "utf8").includes(") T ")); // it struck
  expect((await fetch(`${api.url}/healthz`)).status).toBe(200);
  const answers = await Promise.all(all.map(async ({ what, send }) => answered(what, await send())));
  const away = all.map(({ what }) => [
    what,
    503,
    expect.stringMatching(/"(UNAVAILABLE|temporarily_unavailable|unavailable)"/),
  ]);
  expect(answers).toEqual(away);
  process.kill(pid, "SIGCONT");
  for (const { what, status, send } of all) {
    await vi.waitFor(async () => expect([what, (await send()).status]).toEqual([what, status]), 30_000);
  }
  const [{ batches }] = await app.database.query("select count(*) as batches from batch where tenant_no = ?", [
    place.tenant.no,
  ]);
  expect(Number(batches)).toBe(1); // sent twice and more, under one name
});

async function answered(what: string, response: Response): Promise<[string, number, string]> {
  return [what, response.status, await response.text()];
}

const [JSON_TYPE, FORM_TYPE] = ["application/json", "application/x-www-form-urlencoded"];
const [LENGTH, CHUNKED] = ["content-length: 5000", "transfer-encoding: chunked"];

/** Of what length nobody says is read from nobody who did not sign in. */
test.each([
  ["/graphql", JSON_TYPE, LENGTH, 408],
  ["/graphql", JSON_TYPE, CHUNKED, 401],
  ["/oauth/token", FORM_TYPE, LENGTH, 408],
  ["/oauth/token", FORM_TYPE, CHUNKED, 408],
])(
  "a body for %s (%s, %s) that comes a byte at a time is answered %i and ended",
  async (path, type, length, status) => {
    const socket = await dial(api.url);
    let text = "";
    socket.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
    });
    socket.write([`POST ${path} HTTP/1.1`, "host: x", `content-type: ${type}`, length, "", ""].join("\r\n"));
    const byte = length.startsWith("content") ? "a" : "1\r\na\r\n";
    const dribble = setInterval(() => socket.write(byte), 20);
    onTestFinished(() => clearInterval(dribble));
    await untilClosed(socket);
    clearInterval(dribble);
    expect(text).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect((await fetch(`${api.url}/healthz`)).status).toBe(200);
  },
);
