import { IsOptional } from "class-validator";
import { ArgsType, Field, ID } from "type-graphql";
import { PageArgs } from "../../platform/arguments.js";

/** A page of a partner's set-offs. */
@ArgsType()
export class SetOffsArgs extends PageArgs {
  @Field(() => ID, { nullable: true, description: "Whose set-offs; a partner's own client may leave it out." })
  @IsOptional()
  readonly partnerId?: string | null;
}
