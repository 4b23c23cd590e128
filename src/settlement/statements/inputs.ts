import { IsOptional, Matches } from "class-validator";
import { ArgsType, Field, ID } from "type-graphql";
import { PageArgs } from "../../platform/arguments.js";

/** A page of a partner's statements. */
@ArgsType()
export class StatementsArgs extends PageArgs {
  @Field(() => ID, { nullable: true, description: "Whose statements; a partner's own client may leave it out." })
  @IsOptional()
  readonly partnerId?: string | null;

  @Field(() => String, { nullable: true, description: "Only statements in that currency, e.g. `KRW`." })
  @IsOptional()
  @Matches(/^[A-Z][A-Z0-9]{2,9}$/)
  readonly currency?: string | null;
}
