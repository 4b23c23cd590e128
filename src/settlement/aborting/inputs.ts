import { MaxLength, MinLength } from "class-validator";
import { Field, ID, InputType } from "type-graphql";
import { RepeatableInput } from "../../platform/arguments.js";

const REASON_LENGTH_MAX = 500;

/** An empty period to give up. */
@InputType({ description: "An empty period to give up." })
export class AbortPeriodInput extends RepeatableInput {
  @Field(() => ID, { description: "Begins with `prd_`." })
  readonly periodId!: string;

  @Field(() => String, { description: `Why: 1–${REASON_LENGTH_MAX} characters, which the partner reads.` })
  @MinLength(1)
  @MaxLength(REASON_LENGTH_MAX)
  readonly reason!: string;
}
