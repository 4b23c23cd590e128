import { IsOptional } from "class-validator";
import { ArgsType, Field, ID, InputType } from "type-graphql";
import { PageArgs } from "../../platform/arguments.js";
import { DisputeState } from "./entities.js";

/** A signed reply to a statement. */
@InputType({ description: "A signed reply to a statement; its `jti` is what makes repetitions answer the same." })
export class SignedReplyInput {
  @Field(() => String, { description: "Compact JWS, at most 256 kB, as `schema/reply.schema.json` says." })
  readonly jws!: string;
}

/** A page of disputes. */
@ArgsType()
export class DisputesArgs extends PageArgs {
  @Field(() => DisputeState, { nullable: true, description: "Only disputes that stand there." })
  @IsOptional()
  readonly state?: DisputeState | null;
}

/** A page of a tenant's, or one partner's, disputes. */
@ArgsType()
export class PartnerDisputesArgs extends DisputesArgs {
  @Field(() => ID, { nullable: true, description: "Only disputes of that partner." })
  @IsOptional()
  readonly partnerId?: string | null;
}
