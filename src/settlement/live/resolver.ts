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
import { isId } from "../../kernel/ids.js";
import { PeriodState, SettlementPeriod } from "../../periods/entities.js";
import { periodOfTenant } from "../../periods/service.js";
import { FollowArgs } from "../../platform/arguments.js";
import type { Context } from "../../platform/graphql.js";
import { Dispute } from "../disputes/entities.js";
import { disputeOf } from "../disputes/service.js";
import { Statement } from "../entities.js";
import { statementOf } from "../statements/service.js";

/** Acts of a period and its statements. */
const SETTLEMENT_ACTS = [
  ...[ActType.PERIOD_CLOSED, ActType.PERIOD_CALCULATED, ActType.PERIOD_ABORTED, ActType.PERIOD_TERMS_REPLACED],
  ...[ActType.STATEMENT_ISSUED, ActType.STATEMENT_APPROVED],
  ...[ActType.STATEMENT_RELEASED, ActType.STATEMENT_CARRIED_FORWARD, ActType.STATEMENT_ACKNOWLEDGED],
  ...[ActType.STATEMENT_PAID, ActType.STATEMENT_PAYABLE_AGAIN],
  ...[ActType.PAYOUT_PAID, ActType.PAYOUT_REFUSED, ActType.PAYOUT_RETURNED],
  ...[ActType.DISPUTE_OPENED, ActType.DISPUTE_ACCEPTED, ActType.DISPUTE_REJECTED, ActType.DISPUTE_WITHDRAWN],
] as const;

/** That something happened to a settlement period or its statements. */
@ObjectType({
  description: "That a settlement period, or a statement of it, was moved, acknowledged, disputed or paid.",
})
export class SettlementEvent {
  @Field(() => Int, {
    description: "Its place in the partner's stream: grows, each given once; pass the last one as `afterSequence`.",
  })
  readonly sequence!: number;

  @Field(() => Date, { description: "When it happened." })
  readonly at!: Date;

  @Field(() => PeriodState, { description: "Where the period stands by it." })
  readonly state!: PeriodState;

  readonly periodId!: string;
  readonly statementId!: string | null;
  readonly disputeId!: string | null;
}

/** Settlement, live. */
@Resolver(() => SettlementEvent)
export class SettlementEventResolver {
  @Authorized("settlements:read")
  @Subscription(() => SettlementEvent, {
    description: "What happens to a partner's settlement periods and statements, in order, without gap or duplicate.",
    subscribe: ({ args, context }: SubscribeResolverData<unknown, FollowRequest, Context>) =>
      follow(context.app, context.actor, args, SETTLEMENT_ACTS),
  })
  settlementStatus(@Root() event: LiveEvent, @Args(() => FollowArgs) _args: FollowArgs): SettlementEvent {
    const { sequence, at, subjectId, after } = event;
    const { periodId = subjectId, state = PeriodState.STATEMENT_ISSUED, periodState = state } = after;
    const { statementId = isId(subjectId, "stm") ? subjectId : null } = after;
    return {
      ...{ sequence, at: new Date(at), state: stateNamed(periodState), periodId: String(periodId) },
      statementId: typeof statementId === "string" ? statementId : null,
      disputeId: isId(subjectId, "dsp") ? subjectId : null,
    };
  }

  @FieldResolver(() => SettlementPeriod, { description: "The period as it stands now." })
  period(@Ctx() { app, actor }: Context, @Root() event: SettlementEvent): Promise<SettlementPeriod> {
    return periodOfTenant(app, actor.tenantNo, event.periodId);
  }

  @FieldResolver(() => Statement, { nullable: true, description: "The statement it is about, as it stands now." })
  async statement(@Ctx() { app, actor }: Context, @Root() { statementId }: SettlementEvent): Promise<Statement | null> {
    return statementId === null ? null : statementOf(app, actor, statementId);
  }

  @FieldResolver(() => Dispute, { nullable: true, description: "The dispute it is about, as it stands now." })
  async dispute(@Ctx() { app, actor }: Context, @Root() { disputeId }: SettlementEvent): Promise<Dispute | null> {
    return disputeId === null ? null : disputeOf(app, actor, disputeId);
  }
}

function stateNamed(name: unknown): PeriodState {
  return present(
    Object.values(PeriodState).find((state) => state === name),
    "the state that an act names",
  );
}
