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
import { present } from "../../kernel/assert.js";
import { PeriodState, SettlementPeriod } from "../../periods/entities.js";
import { periodOfTenant } from "../../periods/service.js";
import { FollowArgs } from "../../platform/arguments.js";
import type { Context } from "../../platform/graphql.js";

/** Acts of a period and its statements. */
const SETTLEMENT_ACTS = [
  ...[ActType.PERIOD_CLOSED, ActType.PERIOD_CALCULATED, ActType.STATEMENT_ISSUED, ActType.STATEMENT_APPROVED],
  ...[ActType.STATEMENT_RELEASED, ActType.STATEMENT_CARRIED_FORWARD],
] as const;

/** That a settlement period changed its state. */
@ObjectType({ description: "That a settlement period changed its state." })
export class SettlementEvent {
  @Field(() => Int, {
    description: "Its place in the partner's stream: grows, each given once; pass the last one as `afterSequence`.",
  })
  readonly sequence!: number;

  @Field(() => Date, { description: "When it happened." })
  readonly at!: Date;

  @Field(() => PeriodState, { description: "The state it changed to." })
  readonly state!: PeriodState;

  readonly periodId!: string;
}

/** Settlement, live. */
@Resolver(() => SettlementEvent)
export class SettlementEventResolver {
  @Authorized("settlements:read")
  @Subscription(() => SettlementEvent, {
    description: "Every change of state of a partner's settlement periods, in order, without gap or duplicate.",
    subscribe: ({ args, context }: SubscribeResolverData<unknown, FollowRequest, Context>) =>
      follow(context.app, context.actor, args, SETTLEMENT_ACTS),
  })
  settlementStatus(@Root() event: LiveEvent, @Args(() => FollowArgs) _args: FollowArgs): SettlementEvent {
    const { sequence, at, subjectId, after } = event;
    const { periodId = subjectId, state = PeriodState.STATEMENT_ISSUED, periodState = state } = after;
    return { sequence, at: new Date(at), state: stateNamed(periodState), periodId: String(periodId) };
  }

  @FieldResolver(() => SettlementPeriod, { description: "The period as it stands now." })
  period(@Ctx() { app, actor }: Context, @Root() event: SettlementEvent): Promise<SettlementPeriod> {
    return periodOfTenant(app, actor.tenantNo, event.periodId);
  }
}

function stateNamed(name: unknown): PeriodState {
  return present(
    Object.values(PeriodState).find((state) => state === name),
    "the state that an act names",
  );
}
