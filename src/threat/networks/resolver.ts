import { Arg, Args, Authorized, Ctx, Field, Mutation, ObjectType, Query, Resolver } from "type-graphql";
import { PageArgs } from "../../platform/arguments.js";
import { type Connection, type Context, connectionOf, connectionType } from "../../platform/graphql.js";
import { NetworkBlock } from "./entities.js";
import { LiftNetworkBlockInput } from "./inputs.js";
import { countNetworkBlocks, liftNetworkBlock, NETWORK_BLOCKS, networkBlocks } from "./service.js";

const NetworkBlockConnection = connectionType("NetworkBlock", NetworkBlock);

/** The answer to the mutation. */
@ObjectType({ description: "The block that was lifted." })
export class NetworkBlockPayload {
  @Field(() => NetworkBlock, { description: "The block, as it would have ended." })
  readonly networkBlock!: NetworkBlock;
}

/** Blocks of networks, for the platform's operators. */
@Resolver(() => NetworkBlock)
export class NetworkBlockResolver {
  @Authorized("operations:manage")
  @Query(() => NetworkBlockConnection, {
    description: "Networks that are blocked for failing to authenticate, by their names; for the platform's operators.",
  })
  async networkBlocks(
    @Ctx() { app }: Context,
    @Args(() => PageArgs) page: PageArgs,
  ): Promise<Connection<NetworkBlock>> {
    return connectionOf(NETWORK_BLOCKS, await networkBlocks(app, page), page.after, () => countNetworkBlocks(app));
  }

  @Authorized("operations:manage")
  @Mutation(() => NetworkBlockPayload, {
    description: "Lift the block of a network, whose count begins anew; for the platform's operators.",
  })
  async liftNetworkBlock(
    @Ctx() { app, actor }: Context,
    @Arg("input", () => LiftNetworkBlockInput, { description: "The network, and why." })
    { idempotencyKey, ...input }: LiftNetworkBlockInput,
  ): Promise<NetworkBlockPayload> {
    return { networkBlock: await liftNetworkBlock(app, actor, input, idempotencyKey) };
  }
}
