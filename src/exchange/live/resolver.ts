import {
  Args,
  Authorized,
  Ctx,
  Field,
  FieldResolver,
  Int,
  ObjectType,
  Resolver,
  Root,
  type SubscribeResolverData,
  Subscription,
} from "type-graphql";
import { ActType } from "../../acts/entities.js";
import type { LiveEvent } from "../../events/streams/service.js";
import { type FollowRequest, follow } from "../../events/subscriptions/service.js";
import { FollowArgs } from "../../platform/arguments.js";
import type { Context } from "../../platform/graphql.js";
import { batchOf } from "../batches/service.js";
import { Batch, BatchState } from "../entities.js";

const BATCH_ACTS = [
  ActType.BATCH_ACCEPTED,
  ActType.BATCH_POSTED,
  ActType.BATCH_PARKED,
  ActType.BATCH_RELEASED,
  ActType.BATCH_QUARANTINED,
  ActType.BATCH_REJECTED,
] as const;

/** That a batch changed its state. */
@ObjectType({ description: "That a batch changed its state." })
export class BatchEvent {
  @Field(() => Int, {
    description: "Its place in the partner's stream: grows, each given once; pass the last one as `afterSequence`.",
  })
  readonly sequence!: number;

  @Field(() => Date, { description: "When it happened." })
  readonly at!: Date;

  @Field(() => BatchState, { description: "The state it changed to." })
  readonly state!: BatchState;

  readonly batchId!: string;
}

/** Batches, live. */
@Resolver(() => BatchEvent)
export class BatchEventResolver {
  @Authorized("batches:read")
  @Subscription(() => BatchEvent, {
    description: "Every change of state of a partner's batches, in order, without gap or duplicate.",
    subscribe: ({ args, context }: SubscribeResolverData<unknown, FollowRequest, Context>) =>
      follow(context.app, context.actor, args, BATCH_ACTS),
  })
  batchStatus(@Root() event: LiveEvent, @Args(() => FollowArgs) _args: FollowArgs): BatchEvent {
    const state = BatchState[event.after["state"] as keyof typeof BatchState];
    return { sequence: event.sequence, at: new Date(event.at), state, batchId: event.subjectId };
  }

  @FieldResolver(() => Batch, { description: "The batch as it stands now." })
  batch(@Ctx() { app, actor }: Context, @Root() event: BatchEvent): Promise<Batch> {
    return batchOf(app, actor, event.batchId, null);
  }
}
