import { IsOptional } from "class-validator";
import { ArgsType, Field, ID } from "type-graphql";
import { PageArgs } from "../../platform/arguments.js";
import { CurrencyCode } from "../../platform/graphql.js";

/** A page of what is to be collected. */
@ArgsType()
export class ReceivablesArgs extends PageArgs {
  @Field(() => CurrencyCode, { description: "The currency." })
  readonly currency!: string;

  @Field(() => ID, { nullable: true, description: "Only of that partner; a partner's own client sees only its own." })
  @IsOptional()
  readonly partnerId?: string | null;
}
