import { Arg, Authorized, Ctx, ID, Query, Resolver } from "type-graphql";
import { batchOf } from "../exchange/batches/service.js";
import { keyOf } from "../identity/keys/service.js";
import { clientOf } from "../identity/service.js";
import { userOf } from "../identity/users/service.js";
import type { Scope } from "../kernel/actor.js";
import { type IdPrefix, isId } from "../kernel/ids.js";
import { type Context, Node } from "../platform/graphql.js";
import { configurationOf } from "../settlement/configurations/service.js";
import { disputeOf } from "../settlement/disputes/service.js";
import { periodSeenBy } from "../settlement/runs/service.js";
import { runOf } from "../settlement/settlement-runs/service.js";
import { simulationOf } from "../settlement/simulations/service.js";
import { statementOf } from "../settlement/statements/service.js";
import { partnerOf, tenantOf } from "../tenancy/service.js";
import { serverError } from "./errors.js";

const IDS_MAX = 100;

/** How a kind of node is read, and the scopes of which reading it takes one: those of the query of its own. */
export interface NodeReader {
  readonly scopes: readonly Scope[];
  /** The node as an instance of its class; throws `NOT_FOUND` for what the actor may not see. */
  read(context: Context, id: string): Promise<Node>;
}

const PARTNER_SCOPES: readonly Scope[] = [
  ...(["batches:read", "balances:read", "settlements:read", "clients:manage", "configs:draft"] as const),
];
const CONFIGURATION_SCOPES: readonly Scope[] = ["settlements:read", "configs:draft", "configs:approve"];

/** What `node(id:)` finds, by the prefix of the id, one line each. */
export const nodeReaders: Partial<Readonly<Record<IdPrefix, NodeReader>>> = {
  bat: { scopes: ["batches:read"], read: readBatch },
  cfg: { scopes: CONFIGURATION_SCOPES, read: ({ app, actor }, id) => configurationOf(app, actor, id) },
  cli: { scopes: ["clients:manage"], read: ({ app, actor }, id) => clientOf(app, actor, id) },
  dsp: { scopes: ["settlements:read"], read: ({ app, actor }, id) => disputeOf(app, actor, id) },
  key: { scopes: ["keys:manage"], read: ({ app, actor }, id) => keyOf(app, actor, id) },
  prd: { scopes: ["settlements:read"], read: ({ app, actor }, id) => periodSeenBy(app, actor, id) },
  ptn: { scopes: PARTNER_SCOPES, read: ({ app, actor }, id) => partnerOf(app, actor, id) },
  run: { scopes: ["settlements:manage"], read: ({ app, actor }, id) => runOf(app, actor, id) },
  sim: { scopes: ["settlements:read"], read: ({ app, actor }, id) => simulationOf(app, actor, id) },
  stm: { scopes: ["settlements:read"], read: ({ app, actor }, id) => statementOf(app, actor, id) },
  tnt: { scopes: PARTNER_SCOPES, read: readTenant },
  usr: { scopes: ["clients:manage", "audit:read"], read: ({ app, actor }, id) => userOf(app, actor, id) },
};

/** Anything by its id, as Relay's Global Object Identification asks. */
@Resolver()
export class NodeResolver {
  @Authorized()
  @Query(() => Node, { nullable: true, description: "Anything that has an id; needs the scope of what it is." })
  async node(
    @Ctx() context: Context,
    @Arg("id", () => ID, { description: "An id of any kind, e.g. of a partner or batch." }) id: string,
  ): Promise<Node | null> {
    return readNode(context, id);
  }

  @Authorized()
  @Query(() => [Node], {
    nullable: "items",
    description: "Several things by their ids, in the order asked; at most 100.",
  })
  async nodes(
    @Ctx() context: Context,
    @Arg("ids", () => [ID], { description: "Ids of any kinds; at most 100." }) ids: string[],
  ): Promise<unknown[]> {
    if (ids.length > IDS_MAX) throw serverError("LIMIT_EXCEEDED", { reason: `${IDS_MAX} ids at most.` });
    // GraphQL takes an Error among the items for that item's error: null there, the others as they are.
    return Promise.all(ids.map((id) => readNode(context, id).catch((error: unknown) => error)));
  }
}

async function readNode(context: Context, id: string): Promise<Node> {
  const prefix = id.slice(0, 3);
  const reader = isPrefix(prefix) && isId(id, prefix) ? nodeReaders[prefix] : undefined;
  if (reader === undefined) throw serverError("NOT_FOUND", { what: "node" });
  if (!reader.scopes.some((scope) => context.actor.scopes.has(scope))) {
    throw serverError("FORBIDDEN", { scope: reader.scopes.join(" or ") });
  }
  return reader.read(context, id);
}

function isPrefix(text: string): text is IdPrefix {
  return Object.hasOwn(nodeReaders, text);
}

async function readBatch({ app, actor }: Context, id: string): Promise<Node> {
  const own = actor.partnerId === null ? null : await partnerOf(app, actor, actor.partnerId);
  return batchOf(app, actor, id, own?.no ?? null);
}

/** For everybody only the own tenant exists. */
async function readTenant({ app, actor }: Context, id: string): Promise<Node> {
  if (id !== actor.tenantId) throw serverError("NOT_FOUND", { what: "tenant" });
  return tenantOf(app, id);
}
