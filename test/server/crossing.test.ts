import { type GraphQLObjectType, getNamedType, isObjectType } from "graphql";
import { getMetadataStorage } from "type-graphql";
import { expect, test } from "vitest";
import { nodeReaders } from "../../src/server/node.js";
import { serverSchema } from "../../src/server/schema.js";

/** Whoever signed in, where a field asks for a token but for no one scope. */
const ANYBODY = "any token";

/**
 * Fields that show a thing to who could not ask for it by itself, each on purpose: they belong to what was asked for.
 */
const SHOWN_ALONG: Readonly<Record<string, string>> = {
  "Act.partner": "audit:read",
  "AwaitedApproval.partner": "configs:approve keys:manage payouts:manage settlements:manage",
  "Batch.partner": "audit:read settlements:manage",
  "BatchQuarantine.batch": "audit:read settlements:manage",
  "Client.keys": "clients:manage",
  "Configuration.partner": "configs:approve",
  "Payable.partner": "payouts:manage",
  "Receivable.partner": "payouts:manage",
  "SettlementRunPartner.partner": "settlements:manage",
  "ThreatAssessment.partner": "audit:read settlements:manage",
  "ThreatBlock.partner": "audit:read",
  "Transaction.originPeriod": "batches:read",
  "Transaction.period": "batches:read",
  "Viewer.partner": ANYBODY,
  "Viewer.tenant": ANYBODY,
};

/** Roots, and what is no thing of anybody's or only answers a mutation. */
const ELSEWHERE = /^(Query|Mutation|Subscription|ErrorExplanation|KeyRevocation|UserInvitation|\w+Payload)$/;

interface Field {
  readonly owner: string;
  readonly name: string;
  /** The object type that it leads to. */
  readonly target: string;
  /** What it asks for itself; null where it goes along with its owner. */
  readonly scopes: readonly string[] | null;
}

const schema = serverSchema();
const objects = Object.values(schema.getTypeMap()).filter(
  (type): type is GraphQLObjectType => isObjectType(type) && !type.name.startsWith("__"),
);
const fields: readonly Field[] = objects.flatMap((type) =>
  Object.values(type.getFields()).flatMap((field) => {
    const target = getNamedType(field.type);
    if (!isObjectType(target)) return [];
    return [{ owner: type.name, name: field.name, target: target.name, scopes: scopesOf(type.name, field.name) }];
  }),
);
const readers = new Map(
  Object.entries(nodeReaders).map(([prefix, { scopes }]): [string, ReadonlySet<string>] => [
    typeOfPrefix(prefix),
    new Set<string>(scopes),
  ]),
);

/** By which scopes each type is reached, from the roots and as a node, along every field that asks for no other. */
function reached(): ReadonlyMap<string, ReadonlySet<string>> {
  const scopesAt = new Map<string, Set<string>>();
  const waiting: [string, string][] = [...readers].flatMap(([type, scopes]) =>
    [...scopes].map((scope): [string, string] => [type, scope]),
  );
  const roots = ["Query", "Subscription"]; // what a mutation changed it shows, with what belongs to that
  for (const { target, scopes } of fields.filter(({ owner }) => roots.includes(owner))) {
    for (const scope of scopes ?? []) waiting.push([target, scope]);
  }
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const [type, scope] = next;
    const known = scopesAt.get(type) ?? new Set();
    if (known.has(scope)) continue;
    scopesAt.set(type, known.add(scope));
    for (const { target, scopes } of fields.filter(({ owner }) => owner === type)) {
      for (const each of scopes ?? [scope]) waiting.push([target, each]);
    }
  }
  return scopesAt;
}

/** Each field that shows a thing with an id to a scope by which nobody may ask for that thing, with these scopes. */
function crossings(): Record<string, string> {
  const scopesAt = reached();
  const found = fields.flatMap(({ owner, name, target, scopes }): [string, string][] => {
    const allowed = readers.get(target);
    const at = scopes ?? [...(scopesAt.get(owner) ?? [])];
    const beyond = at.filter((scope) => allowed !== undefined && !allowed.has(scope));
    return beyond.length === 0 ? [] : [[`${owner}.${name}`, beyond.toSorted().join(" ")]];
  });
  return Object.fromEntries(found);
}

test("no field shows a thing with an id to who may not ask for that thing, but those that are known to", () => {
  expect(crossings()).toEqual(SHOWN_ALONG);
});

test("the walk reaches every type that has fields, and knows who reads the things with an id", () => {
  const scopesAt = reached();
  const isElsewhere = (name: string) => ELSEWHERE.test(name);
  expect(objects.map(({ name }) => name).filter((name) => !scopesAt.has(name) && !isElsewhere(name))).toEqual([]);
  expect(readers.size).toBe(Object.keys(nodeReaders).length);
  expect(fields.length).toBeGreaterThan(200);
});

function scopesOf(owner: string, name: string): readonly string[] | null {
  const { queries, mutations, subscriptions, fieldResolvers, objectTypes } = getMetadataStorage();
  const roots = { Query: queries, Mutation: mutations, Subscription: subscriptions }[owner];
  const handler =
    roots?.find((each) => each.schemaName === name) ??
    fieldResolvers.find(
      (each) =>
        each.schemaName === name && objectTypes.find(({ target }) => target === each.getObjectType?.())?.name === owner,
    );
  const roles = handler?.roles?.map(String);
  if (roles === undefined) return roots === undefined ? null : [];
  return roles.length === 0 ? [ANYBODY] : roles;
}

function typeOfPrefix(prefix: string): string {
  const names: Readonly<Record<string, string>> = {
    ...{ bat: "Batch", cfg: "Configuration", cli: "Client", dsp: "Dispute", key: "ClientKey", prd: "SettlementPeriod" },
    ...{ ptn: "Partner", run: "SettlementRun", sim: "Simulation", stm: "Statement", tnt: "Tenant" },
  };
  return names[prefix] ?? `no type of ${prefix}`;
}
