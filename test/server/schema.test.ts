import { readFileSync, writeFileSync } from "node:fs";
import {
  type GraphQLField,
  type GraphQLNamedType,
  type GraphQLObjectType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isIntrospectionType,
  isObjectType,
  isSpecifiedScalarType,
} from "graphql";
import { getMetadataStorage } from "type-graphql";
import { expect, test } from "vitest";
import { isScope, PrincipalKind, SCOPES } from "../../src/kernel/actor.js";
import { ErrorCode } from "../../src/kernel/errors.js";
import { errorPage } from "../../src/server/error-code.js";
import { PUBLIC_FIELDS } from "../../src/server/http/guard.js";
import { nodeReaders } from "../../src/server/node.js";
import { schemaText, serverSchema } from "../../src/server/schema.js";

const ROOTS = ["Query", "Mutation", "Subscription"];
/** Root fields that ask for an access token but for no one scope: what they show depends on what it holds. */
const ANY_ACTOR = ["Query.node", "Query.nodes", "Query.viewer", "Mutation.endSession"];

test("schema/schema.graphql is the schema; UPDATE_SNAPSHOTS=1 writes it", () => {
  expect(schemaText()).toBe(committed("../../schema/schema.graphql", schemaText()));
});

test("docs/errors.md is the page about errors; UPDATE_SNAPSHOTS=1 writes it", () => {
  expect(errorPage()).toBe(committed("../../docs/errors.md", errorPage()));
});

test("every type, field, argument and enum value says something", () => {
  const silent = ourTypes().flatMap(undescribed);
  expect(silent).toEqual([]);
});

test("every root field names scopes of ours, is public, or is known to need any access token", () => {
  const open = ROOTS.flatMap((root) =>
    Object.keys(rootFields(root)).flatMap((field) => {
      const scopes = scopesOf(root, field);
      if (scopes === undefined) return PUBLIC_FIELDS.has(field) ? [] : [`${root}.${field} has no @Authorized`];
      if (scopes.length === 0) return ANY_ACTOR.includes(`${root}.${field}`) ? [] : [`${root}.${field} names no scope`];
      return scopes.filter((scope) => !isScope(scope)).map((scope) => `${root}.${field}: ${scope} is no scope`);
    }),
  );
  expect(open).toEqual([]);
});

test("the walk over root fields sees every field and finds one that is left open", () => {
  const seen = ROOTS.flatMap((root) => Object.keys(rootFields(root)).map((field) => scopesOf(root, field)));
  expect(seen.filter((scopes) => scopes !== undefined && scopes.length > 0).length).toBeGreaterThan(5);
  expect(scopesOf("Query", "errorCodes")).toBeUndefined();
  expect(scopesOf("Query", "node")).toEqual([]);
});

test("a node takes the scopes of the query of its own, and every type that is a node can be read", () => {
  const queries = {
    ...{
      bat: "batch",
      cfg: "configuration",
      cli: "client",
      dsp: "dispute",
      key: "key",
      prd: "settlementPeriod",
      ptn: "partner",
    },
    ...{ run: "settlementRun", sim: "simulation", stm: "statement", tnt: "tenant", usr: "user" },
  };
  const scopes = Object.entries(queries).map(([prefix, query]) => [prefix, scopesOf("Query", query)]);
  const readers = Object.entries(nodeReaders).map(([prefix, reader]) => [prefix, reader.scopes]);
  expect(Object.fromEntries(readers)).toEqual(Object.fromEntries(scopes));
  const types = ourTypes().filter(
    (type) => isObjectType(type) && type.getInterfaces().some(({ name }) => name === "Node"),
  );
  expect(types).toHaveLength(readers.length);
});

test("every mutation takes one input, which carries an idempotency key or a signed batch", () => {
  const odd = Object.entries(rootFields("Mutation")).filter(([, field]) => {
    const [input, ...more] = field.args;
    const type = input === undefined ? undefined : serverSchema().getType(String(input.type).replace(/!$/, ""));
    if (input?.name !== "input" || more.length > 0 || !isInputObjectType(type)) return true;
    const names = Object.keys(type.getFields());
    return !names.includes("idempotencyKey") && !names.includes("jws");
  });
  expect(odd.map(([name]) => name)).toEqual([]);
});

test("the codes, scopes and kinds that the schema publishes are spelled as they are kept", () => {
  const type = serverSchema().getType("ErrorCode");
  expect(isEnumType(type) && type.getValues().map(({ name }) => name)).toEqual(Object.values(ErrorCode));
  expect(SCOPES.every((scope) => /^[a-z]+:[a-z]+$/.test(scope))).toBe(true);
  expect(Object.entries(PrincipalKind).every(([key, value]) => key === String(value))).toBe(true);
});

function committed(path: string, text: string): string {
  const file = new URL(path, import.meta.url);
  if (process.env["UPDATE_SNAPSHOTS"] === "1") writeFileSync(file, text);
  return readFileSync(file, "utf8");
}

function ourTypes(): GraphQLNamedType[] {
  return Object.values(serverSchema().getTypeMap()).filter(
    (type) => !isIntrospectionType(type) && !isSpecifiedScalarType(type),
  );
}

function undescribed(type: GraphQLNamedType): string[] {
  const silent = type.description || ROOTS.includes(type.name) ? [] : [type.name];
  if (isEnumType(type)) return [...silent, ...nameless(type.name, type.getValues())];
  if (isInputObjectType(type)) return [...silent, ...nameless(type.name, Object.values(type.getFields()))];
  if (!isObjectType(type) && !isInterfaceType(type)) return silent;
  const fields: GraphQLField<unknown, unknown>[] = Object.values(type.getFields());
  const ofArguments = fields.flatMap((field) => nameless(`${type.name}.${field.name}`, field.args));
  return [...silent, ...nameless(type.name, fields), ...ofArguments];
}

function nameless(owner: string, members: readonly { name: string; description?: string | null | undefined }[]) {
  return members.filter(({ description }) => !description).map(({ name }) => `${owner}.${name}`);
}

function rootFields(root: string): ReturnType<GraphQLObjectType["getFields"]> {
  const type = serverSchema().getType(root);
  return isObjectType(type) ? type.getFields() : {};
}

/** What `@Authorized` says at a root field; undefined where it says nothing. */
function scopesOf(root: string, field: string): readonly string[] | undefined {
  const { queries, mutations, subscriptions } = getMetadataStorage();
  const handlers = { Query: queries, Mutation: mutations, Subscription: subscriptions }[root] ?? [];
  const handler = handlers.find(({ schemaName }) => schemaName === field);
  if (handler === undefined) throw new Error(`${root}.${field} comes from no resolver`);
  return handler.roles?.map(String);
}
