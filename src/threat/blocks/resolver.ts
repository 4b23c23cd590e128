import {
  Arg,
  Args,
  Authorized,
  Ctx,
  Field,
  FieldResolver,
  Mutation,
  ObjectType,
  Query,
  Resolver,
  Root,
} from "type-graphql";
import { type Connection, type Context, connectionOf, connectionType } from "../../platform/graphql.js";
import { Partner } from "../../tenancy/entities.js";
import { partnersByNumber } from "../../tenancy/service.js";
import { ThreatBlock } from "./entities.js";
import { CreateThreatBlockInput, LiftThreatBlockInput, ThreatBlocksArgs } from "./inputs.js";
import { countThreatBlocks, createThreatBlock, liftThreatBlock, threatBlocksOf } from "./service.js";

const ThreatBlockConnection = connectionType("ThreatBlock", ThreatBlock);

/** The answer to the mutations of blocks. */
@ObjectType({ description: "The block as it stands now." })
export class ThreatBlockPayload {
  @Field(() => ThreatBlock, { description: "The block." })
  readonly threatBlock!: ThreatBlock;
}

/** Blocks of clients and partners: make, lift and read. */
@Resolver(() => ThreatBlock)
export class ThreatBlockResolver {
  @Authorized("clients:manage")
  @Mutation(() => ThreatBlockPayload, {
    description: "Block a client, or keep all that a partner sends in quarantine; in force within seconds everywhere.",
  })
  async createThreatBlock(
    @Ctx() { app, actor }: Context,
    @Arg("input", () => CreateThreatBlockInput, { description: "Whom, why and for how long." })
    { idempotencyKey, ...input }: CreateThreatBlockInput,
  ): Promise<ThreatBlockPayload> {
    return { threatBlock: await createThreatBlock(app, actor, input, idempotencyKey) };
  }

  @Authorized("clients:manage")
  @Mutation(() => ThreatBlockPayload, {
    description: "Lift a block, made by a person or automatically; in force within seconds everywhere.",
  })
  async liftThreatBlock(
    @Ctx() { app, actor }: Context,
    @Arg("input", () => LiftThreatBlockInput, { description: "The block, and why." })
    { idempotencyKey, ...input }: LiftThreatBlockInput,
  ): Promise<ThreatBlockPayload> {
    return { threatBlock: await liftThreatBlock(app, actor, input, idempotencyKey) };
  }

  @Authorized("clients:manage", "audit:read")
  @Query(() => ThreatBlockConnection, { description: "The tenant's blocks of clients and partners, newest first." })
  async threatBlocks(
    @Ctx() { app, actor }: Context,
    @Args(() => ThreatBlocksArgs) { standing, ...page }: ThreatBlocksArgs,
  ): Promise<Connection<ThreatBlock>> {
    const blocks = await threatBlocksOf(app, actor, standing, page);
    return connectionOf("threat-blocks", blocks, page.after, () => countThreatBlocks(app, actor, standing));
  }

  @FieldResolver(() => Partner, { nullable: true, description: "The partner; null for a client of the tenant's own." })
  async partner(@Ctx() { app, actor, loaders }: Context, @Root() { partnerNo }: ThreatBlock): Promise<Partner | null> {
    if (partnerNo === 0) return null;
    return loaders.of("partner", (numbers: readonly number[]) => partnersByNumber(app, actor, numbers)).load(partnerNo);
  }
}
