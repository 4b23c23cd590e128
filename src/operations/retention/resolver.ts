import { Arg, Args, Authorized, Ctx, Field, Mutation, ObjectType, Query, Resolver } from "type-graphql";
import { PageArgs } from "../../platform/arguments.js";
import { type Connection, type Context, connectionOf, connectionType } from "../../platform/graphql.js";
import { RetentionChange, RetentionKind } from "./entities.js";
import {
  ApproveRetentionChangeInput,
  ProposePlayerKeyErasureInput,
  ProposeRetentionInput,
  RefuseRetentionChangeInput,
} from "./inputs.js";
import { approveChange, changesOf, countChanges, proposeChange, refuseChange } from "./service.js";

const RetentionChangeConnection = connectionType("RetentionChange", RetentionChange);

/** The answer to the mutations of retention. */
@ObjectType({ description: "The proposal as it stands now." })
export class RetentionChangePayload {
  @Field(() => RetentionChange, { description: "The proposal." })
  readonly retentionChange!: RetentionChange;
}

/** Retention: propose, approve, refuse and read. */
@Resolver()
export class RetentionResolver {
  @Authorized("settlements:manage")
  @Mutation(() => RetentionChangePayload, {
    description:
      "Propose for how long content of settled periods, and addresses of acts, are kept. Nothing leaves by itself:" +
      " the operator's command `retain` exports and removes what is older.",
  })
  async proposeRetention(
    @Ctx() { app, actor }: Context,
    @Arg("input", () => ProposeRetentionInput, { description: "For how long, and why." })
    { idempotencyKey, itemDays = null, originDays = null, reason }: ProposeRetentionInput,
  ): Promise<RetentionChangePayload> {
    const proposal = { kind: RetentionKind.RETENTION, itemDays, originDays, reason };
    return { retentionChange: await proposeChange(app, actor, proposal, idempotencyKey) };
  }

  @Authorized("settlements:manage")
  @Mutation(() => RetentionChangePayload, {
    description:
      "Propose to erase the key under which players' pseudonyms are stored: afterwards nobody can link what is stored" +
      " to a player, nor what comes later to what came before.",
  })
  async proposePlayerKeyErasure(
    @Ctx() { app, actor }: Context,
    @Arg("input", () => ProposePlayerKeyErasureInput, { description: "Why." })
    { idempotencyKey, reason }: ProposePlayerKeyErasureInput,
  ): Promise<RetentionChangePayload> {
    const proposal = { kind: RetentionKind.PLAYER_KEY, itemDays: null, originDays: null, reason };
    return { retentionChange: await proposeChange(app, actor, proposal, idempotencyKey) };
  }

  @Authorized("configs:approve")
  @Mutation(() => RetentionChangePayload, { description: "Put a proposal of somebody else in force." })
  async approveRetentionChange(
    @Ctx() { app, actor }: Context,
    @Arg("input", () => ApproveRetentionChangeInput, { description: "The proposal." })
    { idempotencyKey, retentionChangeId }: ApproveRetentionChangeInput,
  ): Promise<RetentionChangePayload> {
    return { retentionChange: await approveChange(app, actor, retentionChangeId, idempotencyKey) };
  }

  @Authorized("settlements:manage", "configs:approve")
  @Mutation(() => RetentionChangePayload, { description: "Refuse a proposal for good, or take one's own back." })
  async refuseRetentionChange(
    @Ctx() { app, actor }: Context,
    @Arg("input", () => RefuseRetentionChangeInput, { description: "The proposal, and why." })
    { idempotencyKey, retentionChangeId: id, reason }: RefuseRetentionChangeInput,
  ): Promise<RetentionChangePayload> {
    return { retentionChange: await refuseChange(app, actor, { id, reason }, idempotencyKey) };
  }

  @Authorized("settlements:manage", "configs:approve", "audit:read")
  @Query(() => RetentionChangeConnection, {
    description: "What was ever proposed about retention, oldest first; the ACTIVE one counts.",
  })
  async retentionChanges(
    @Ctx() { app, actor }: Context,
    @Args(() => PageArgs) page: PageArgs,
  ): Promise<Connection<RetentionChange>> {
    return connectionOf("retention-changes", await changesOf(app, actor, page), page.after, () =>
      countChanges(app, actor),
    );
  }
}
