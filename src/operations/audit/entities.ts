import { GraphQLJSONObject } from "graphql-scalars";
import { Field, Float, ObjectType } from "type-graphql";
import { ActType } from "../../acts/entities.js";
import { PrincipalKind } from "../../kernel/actor.js";

/** One thing that happened, as an auditor reads it. */
@ObjectType("Act", { description: "One thing that happened: who did what to what, when, from where, and why." })
export class AuditAct {
  readonly no!: string;

  /** 0 where it is of no one partner. */
  readonly partnerNo!: number;

  readonly partnerId!: string | null;

  @Field(() => Float, { description: "Its index in the tenant's log, from 0, by which it is known; a whole number." })
  readonly index!: number;

  @Field(() => ActType, { description: "What happened." })
  readonly type!: ActType;

  @Field(() => String, { description: "Id of what it happened to." })
  readonly subject!: string;

  @Field(() => PrincipalKind, { description: "Who did it: of which kind." })
  readonly principalKind!: PrincipalKind;

  @Field(() => String, { description: "Who did it: a client's id, `shell` or `system`." })
  readonly principal!: string;

  @Field(() => String, { description: "The request by which it happened, as `X-Request-Id` named it." })
  readonly requestId!: string;

  @Field(() => Date, { description: "When." })
  readonly at!: Date;

  @Field(() => String, {
    nullable: true,
    description: "Network address from which it was asked for; null where it was ourselves, or erased since.",
  })
  readonly address!: string | null;

  @Field(() => String, { nullable: true, description: "W3C `traceparent` of the request; null as `address` is." })
  readonly traceparent!: string | null;

  @Field(() => GraphQLJSONObject, {
    nullable: true,
    description: "How the subject stood before; null where it is new, or erased since.",
  })
  readonly before!: Record<string, unknown> | null;

  @Field(() => GraphQLJSONObject, {
    nullable: true,
    description: "How it stands after, and what else there is to say; null where that was erased since.",
  })
  readonly after!: Record<string, unknown> | null;

  @Field(() => String, { nullable: true, description: "Why, where whoever did it had to say so." })
  readonly reason!: string | null;

  @Field(() => Boolean, { description: "Whether `before` and `after` were erased; the leaf still has their hash." })
  readonly isDetailErased!: boolean;

  @Field(() => Boolean, { description: "Whether address and trace were erased; the leaf still has their hash." })
  readonly isOriginErased!: boolean;

  @Field(() => String, { description: "The leaf in the log: canonical JSON (RFC 8785)." })
  readonly leaf!: string;

  @Field(() => String, { description: "The leaf's hash, in hexadecimal: SHA-256 over a zero byte and the leaf." })
  readonly leafHash!: string;
}
