import { type GraphQLSchema, lexicographicSortSchema, printSchema } from "graphql";
import { buildSchemaSync, type ResolverData } from "type-graphql";
import { isScope } from "../kernel/actor.js";
import { AssertionFailed, assert } from "../kernel/assert.js";
import { DateTime } from "../platform/date-time.js";
import { serverError } from "./errors.js";
import type { RequestContext } from "./http/context.js";
import { resolvers } from "./resolvers.js";

let built: GraphQLSchema | undefined;

/** The GraphQL schema, built once a process. */
export function serverSchema(): GraphQLSchema {
  built ??= buildSchemaSync({
    resolvers,
    authChecker: checkScopes,
    scalarsMap: [{ type: Date, scalar: DateTime }],
    // class-validator echoes what it was given unless told not to; no answer of ours carries the input.
    validate: { stopAtFirstError: true, validationError: { target: false, value: false } },
    // Subscriptions bring their own source; type-graphql asks for a pub/sub all the same.
    pubSub: { publish: noPubSub, subscribe: noPubSub },
  });
  return built;
}

/** The schema in GraphQL's schema definition language, sorted by name, with a newline at its end. */
export function schemaText(): string {
  return `${printSchema(lexicographicSortSchema(serverSchema()))}\n`;
}

/**
 * Lets an actor pass that holds one of the scopes, or any actor where none is named; refuses others (`FORBIDDEN`). An
 * arrow, since type-graphql takes whatever has a prototype for a class.
 */
const checkScopes = ({ context }: ResolverData<RequestContext>, scopes: readonly string[]): boolean => {
  const { actor, deadline } = context;
  deadline.check();
  if (actor === null) throw serverError("UNAUTHENTICATED");
  if (scopes.length === 0) return true;
  const isHeld = scopes.some((scope) => {
    assert(isScope(scope), `${scope} is no scope of ours`);
    return actor.scopes.has(scope);
  });
  if (!isHeld) throw serverError("FORBIDDEN", { scope: scopes.join(" or ") });
  return true;
};

function noPubSub(): never {
  throw new AssertionFailed("subscriptions have their own source");
}
