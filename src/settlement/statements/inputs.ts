import { IsOptional } from "class-validator";
import { ArgsType, Field, ID } from "type-graphql";
import { PageArgs } from "../../platform/arguments.js";
import { CurrencyCode } from "../../platform/graphql.js";

/** A page of a partner's statements. */
@ArgsType()
export class StatementsArgs extends PageArgs {
  @Field(() => ID, { nullable: true, description: "Whose statements; a partner's own client may leave it out." })
  @IsOptional()
  readonly partnerId?: string | null;

  @Field(() => CurrencyCode, { nullable: true, description: "Only statements in that currency." })
  @IsOptional()
  readonly currency?: string | null;
}
