import { Arg, Authorized, Ctx, ID, Query, Resolver } from "type-graphql";
import type { Scope } from "../kernel/actor.js";
import { type IdPrefix, isId } from "../kernel/ids.js";
import { type Context, Node } from "../platform/graphql.js";
import { configurationOf } from "../settlement/configurations/service.js";
import { periodSeenBy } from "../settlement/runs/service.js";
import { statementOf } from "../settlement/statements/service.js";
import { partnerOf } from "../tenancy/service.js";
import { serverError } from "./errors.js";

const IDS_MAX = 100;

/** How a kind of node is read, and the scope that reading it takes (null: any access token will do). */
interface NodeReader {
  readonly scope: Scope | null;
  /** The node as an instance of its class; throws `NOT_FOUND` for what the actor may not see. */
  read(context: Context, id: string): Promise<Node>;
}

/** What `node(id:)` finds, by the prefix of the id, one line each. */
const READERS: Partial<Readonly<Record<IdPrefix, NodeReader>>> = {
  cfg: { scope: "settlements:read", read: ({ app, actor }, id) => configurationOf(app, actor, id) },
  prd: { scope: "settlements:read", read: ({ app, actor }, id) => periodSeenBy(app, actor, id) },
  ptn: { scope: null, read: ({ app, actor }, id) => partnerOf(app, actor, id) },
  stm: { scope: "settlements:read", read: ({ app, actor }, id) => statementOf(app, actor, id) },
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
  const [, reader] = Object.entries(READERS).find(([prefix]) => isId(id, prefix as IdPrefix)) ?? [];
  if (reader === undefined) throw serverError("NOT_FOUND", { what: "node" });
  if (reader.scope !== null && !context.actor.scopes.has(reader.scope)) {
    throw serverError("FORBIDDEN", { scope: reader.scope });
  }
  return reader.read(context, id);
}
