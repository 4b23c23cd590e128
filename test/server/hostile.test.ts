import { expect, test } from "vitest";
import { type Answer, testApi } from "../support/api.js";
import { testApp } from "../support/app.js";
import { hostileDocuments } from "../support/hostile-documents.js";
import { seedClient, seedTenant } from "../support/seeds.js";

const app = await testApp();
const api = await testApi(app);
const home = await seedTenant(app);
const token = await (await seedClient(app, home.actor, null)).token();
const headers = { accept: "application/graphql-response+json" };

test("every attack has a name of its own, and there are enough of them", () => {
  expect(new Set(hostileDocuments.map(({ name }) => name)).size).toBe(hostileDocuments.length);
  expect(hostileDocuments.length).toBeGreaterThan(55);
});

test.each(hostileDocuments)("$name is refused with 400, in five errors at most, and runs nothing", async (attack) => {
  const { query, variables = {}, code } = attack;
  const { status, data, errors = [] } = await api.ask({ query, variables, token, headers });
  expect(errors[0]?.extensions["code"]).toBe(code);
  expect([status, data]).toEqual([400, undefined]);
  expect(errors.length).toBeLessThanOrEqual(5);
  expect(JSON.stringify(errors).length).toBeLessThan(4_000);
});

test.each(hostileDocuments)(
  "$name is refused over an event stream as well",
  async ({ query, variables = {}, code }) => {
    const response = await fetch(`${api.url}/graphql/stream`, {
      method: "POST",
      headers: { accept: "text/event-stream", "content-type": "application/json", authorization: `Bearer ${token}` },
      body: JSON.stringify({ query, variables }),
    });
    const text = await response.text();
    const [, data = text] = /^data: (.*)$/m.exec(text) ?? [];
    expect(JSON.parse(data).errors[0].extensions.code).toBe(code);
  },
);

test.each([
  ["/graphql", "application/json"],
  ["/graphql/stream", "text/event-stream"],
])("%s: an operation that is not there, or not chosen, is refused", async (path, accept) => {
  const ask = async (query: string, operationName?: string) => {
    const response = await fetch(`${api.url}${path}`, {
      method: "POST",
      headers: { accept, "content-type": "application/json", authorization: `Bearer ${token}` },
      body: JSON.stringify({ query, operationName }),
    });
    const text = await response.text();
    const { errors, data } = JSON.parse(/^data: (.*)$/m.exec(text)?.[1] ?? text);
    return errors === undefined ? data : [errors[0].extensions.code, errors[0].message];
  };
  const several = "query A { __typename } query B { b: __typename }";
  expect(await ask(several)).toEqual(["VALIDATION", expect.stringContaining("several operations")]);
  expect(await ask(several, "C")).toEqual(["VALIDATION", expect.stringContaining("no operation of the name")]);
  expect(await ask(several, "")).toEqual(["VALIDATION", expect.stringContaining("no operation of the name")]);
  expect(await ask(several, "B")).toEqual({ b: "Query" });
});

test("many operations in one body are refused, and so is a heap of values where a batch belongs", async () => {
  const send = async (body: string) => {
    const init = { "content-type": "application/json", authorization: `Bearer ${token}` };
    const response = await fetch(`${api.url}/graphql`, { method: "POST", headers: init, body });
    const { errors = [] } = (await response.json()) as Pick<Answer, "errors">;
    return [response.status, errors[0]?.extensions["code"]];
  };
  expect(await send(`[${Array.from({ length: 10 }, () => '{"query":"{__typename}"}').join(",")}]`)).toEqual([
    400,
    "VALIDATION",
  ]);
  for (const [opening, closing] of [
    ["[", "]"],
    ['{"a":', "}"],
  ] as const) {
    const [head, tail] = [opening.repeat(60_000), closing.repeat(60_000)];
    expect(await send(`{"query":"{__typename}","variables":{"a":${head}1${tail}}}`)).toEqual([400, "LIMIT_EXCEEDED"]);
  }
  const zeros = `{"query":"{__typename}","variables":{"a":[${"0,".repeat(100_000)}0]}}`;
  expect(await send(zeros)).toEqual([400, "LIMIT_EXCEEDED"]);
});
