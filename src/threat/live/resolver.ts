import {
  Args,
  Authorized,
  Field,
  ID,
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
import { present } from "../../kernel/assert.js";
import { FollowArgs } from "../../platform/arguments.js";
import type { Context } from "../../platform/graphql.js";
import { ThreatSubject, ThreatVerdict } from "../entities.js";

/** What an alert tells. */
export enum ThreatAlertKind {
  ASSESSED = "ASSESSED",
  BLOCKED = "BLOCKED",
  BLOCK_LIFTED = "BLOCK_LIFTED",
}

registerEnumType(ThreatAlertKind, {
  name: "ThreatAlertKind",
  description: "What an alert tells.",
  valuesConfig: {
    ASSESSED: { description: "An assessment ended in `REVIEW` or `QUARANTINE`." },
    BLOCKED: { description: "A client or partner was blocked." },
    BLOCK_LIFTED: { description: "A block was lifted, or ended by itself." },
  },
});

const KIND_OF_ACT: Partial<Readonly<Record<string, ThreatAlertKind>>> = {
  [ActType.THREAT_ASSESSED]: ThreatAlertKind.ASSESSED,
  [ActType.THREAT_BLOCKED]: ThreatAlertKind.BLOCKED,
  [ActType.THREAT_BLOCK_LIFTED]: ThreatAlertKind.BLOCK_LIFTED,
};
const ALERT_ACTS = [ActType.THREAT_ASSESSED, ActType.THREAT_BLOCKED, ActType.THREAT_BLOCK_LIFTED] as const;

/** Something about a partner's senders that somebody should look at. */
@ObjectType({ description: "Something about a partner's senders that somebody should look at." })
export class ThreatAlert {
  @Field(() => Int, {
    description: "Its place in the partner's stream: grows, each given once; pass the last one as `afterSequence`.",
  })
  readonly sequence!: number;

  @Field(() => Date, { description: "When it happened." })
  readonly at!: Date;

  @Field(() => ThreatAlertKind, { description: "What it tells." })
  readonly kind!: ThreatAlertKind;

  @Field(() => ID, { description: "The assessment or block that it is about." })
  readonly id!: string;

  @Field(() => ThreatSubject, { nullable: true, description: "Whom or what it is about; null where a block ended." })
  readonly subject!: ThreatSubject | null;

  @Field(() => ThreatVerdict, { nullable: true, description: "`ASSESSED` only: what it came to." })
  readonly verdict!: ThreatVerdict | null;
}

/** Threats, live. */
@Resolver(() => ThreatAlert)
export class ThreatAlertResolver {
  @Authorized("clients:manage", "audit:read")
  @Subscription(() => ThreatAlert, {
    description: "Verdicts and blocks of a partner's senders and batches, in order, without gap or duplicate.",
    subscribe: ({ args, context }: SubscribeResolverData<unknown, FollowRequest, Context>) =>
      follow(context.app, context.actor, args, ALERT_ACTS),
  })
  threatAlerts(@Root() event: LiveEvent, @Args(() => FollowArgs) _args: FollowArgs): ThreatAlert {
    const { sequence, at, type, subjectId: id, after } = event;
    return {
      ...{ sequence, at: new Date(at), id, kind: present(KIND_OF_ACT[type], "the kind of an alert") },
      subject: named(ThreatSubject, after["subject"]),
      verdict: named(ThreatVerdict, after["verdict"]),
    };
  }
}

function named<E extends string>(all: Readonly<Record<string, E>>, name: unknown): E | null {
  return Object.values(all).find((each) => each === name) ?? null;
}
