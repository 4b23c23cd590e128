import { MaxLength, MinLength } from "class-validator";
import { Field, ID, InputType } from "type-graphql";
import { RepeatableInput } from "../../platform/arguments.js";

const REASON_LENGTH_MAX = 500;

/** A closed period that its own terms cannot settle. */
@InputType({ description: "A closed period that its own terms cannot settle, and the version that shall." })
export class RetermPeriodInput extends RepeatableInput {
  @Field(() => ID, { description: "Begins with `prd_`." })
  readonly periodId!: string;

  @Field(() => ID, { description: "A version of the same partner that is or was in force. Begins with `cfg_`." })
  readonly configurationId!: string;

  @Field(() => String, { description: `Why: 1–${REASON_LENGTH_MAX} characters, which the partner reads.` })
  @MinLength(1)
  @MaxLength(REASON_LENGTH_MAX)
  readonly reason!: string;
}
