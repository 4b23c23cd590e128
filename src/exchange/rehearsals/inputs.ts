import { IsInt, Max, Min } from "class-validator";
import { ArgsType, Field, ID, Int } from "type-graphql";
import { BATCHES_REHEARSED } from "./service.js";

/** Which batches to judge, by which rules. */
@ArgsType()
export class RehearseThreatRulesArgs {
  @Field(() => ID, { description: "Whose batches." })
  readonly partnerId!: string;

  @Field(() => ID, { description: "The version of the rules, a draft or any other." })
  readonly threatRulesId!: string;

  @Field(() => Int, {
    defaultValue: BATCHES_REHEARSED.default,
    description: `How many of its last batches, 1 to ${BATCHES_REHEARSED.max}.`,
  })
  @IsInt()
  @Min(1)
  @Max(BATCHES_REHEARSED.max)
  readonly last!: number;
}
