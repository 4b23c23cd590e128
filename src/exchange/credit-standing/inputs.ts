import { IsBoolean, IsOptional } from "class-validator";
import { ArgsType, Field, ID } from "type-graphql";
import { PageArgs } from "../../platform/arguments.js";
import { CurrencyCode } from "../../platform/graphql.js";

/** A page of a partner's credit lots. */
@ArgsType()
export class CreditLotsArgs extends PageArgs {
  @Field(() => ID, { nullable: true, description: "Whose lots; a partner's own client may leave it out." })
  @IsOptional()
  readonly partnerId?: string | null;

  @Field(() => CurrencyCode, { nullable: true, description: "Only lots of this currency." })
  @IsOptional()
  readonly currency?: string | null;

  @Field(() => Boolean, {
    defaultValue: false,
    description: "Only lots that hold something, or are drawn and have met nothing yet.",
  })
  @IsBoolean()
  readonly openOnly!: boolean;
}
