import {
  Args,
  Authorized,
  Field,
  Int,
  ObjectType,
  Resolver,
  Root,
  registerEnumType,
  type SubscribeResolverData,
  Subscription,
} from "type-graphql";
import { ActType } from "../../acts/entities.js";
import type { LiveEvent } from "../../events/streams/service.js";
import { type FollowRequest, follow } from "../../events/subscriptions/service.js";
import { FollowArgs } from "../../platform/arguments.js";
import { type Context, CurrencyCode, Decimal } from "../../platform/graphql.js";

const CREDIT_ACTS = [ActType.CREDIT_LOW, ActType.CREDIT_EXPIRED] as const;

/** What an alert says of credit. */
export enum CreditAlertKind {
  LOW = "LOW",
  EXPIRED = "EXPIRED",
}

registerEnumType(CreditAlertKind, {
  name: "CreditAlertKind",
  description: "What an alert says of prepaid credit.",
  valuesConfig: {
    LOW: { description: "The lots came down to the low-water mark; told once a crossing." },
    EXPIRED: { description: "What was left of a lot expired and was written off." },
  },
});

/** Something about a partner's credit that somebody should know. */
@ObjectType({ description: "Something about a partner's prepaid credit that somebody should know." })
export class CreditAlert {
  @Field(() => Int, {
    description: "Its place in the partner's stream: grows, each given once; pass the last one as `afterSequence`.",
  })
  readonly sequence!: number;

  @Field(() => Date, { description: "When it happened." })
  readonly at!: Date;

  @Field(() => CreditAlertKind, { description: "What it says." })
  readonly kind!: CreditAlertKind;

  @Field(() => CurrencyCode, { description: "Of the credit." })
  readonly currency!: string;

  @Field(() => Decimal, { description: "What all lots of the currency hold now (LOW), or what expired (EXPIRED)." })
  readonly amount!: string;

  @Field(() => String, { nullable: true, description: "The lot that expired, as the partner named it." })
  readonly lot!: string | null;
}

/** Prepaid credit, live. */
@Resolver(() => CreditAlert)
export class CreditAlertResolver {
  @Authorized("balances:read")
  @Subscription(() => CreditAlert, {
    description: "Credit that runs low or expired, in order, without gap or duplicate.",
    subscribe: ({ args, context }: SubscribeResolverData<unknown, FollowRequest, Context>) =>
      follow(context.app, context.actor, args, CREDIT_ACTS),
  })
  creditAlerts(@Root() event: LiveEvent, @Args(() => FollowArgs) _args: FollowArgs): CreditAlert {
    const { sequence, at, after } = event;
    const isLow = event.type === ActType.CREDIT_LOW;
    const kind = isLow ? CreditAlertKind.LOW : CreditAlertKind.EXPIRED;
    const amount = String(after[isLow ? "held" : "expired"]);
    const lot = isLow ? null : String(after["lot"]);
    return { sequence, at: new Date(at), kind, currency: String(after["currency"]), amount, lot };
  }
}
