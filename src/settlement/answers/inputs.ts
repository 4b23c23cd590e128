import { IsOptional, MaxLength, MinLength } from "class-validator";
import { Field, ID, InputType } from "type-graphql";
import { RepeatableInput } from "../../platform/arguments.js";
import { Decimal } from "../../platform/graphql.js";
import { DisputeOutcome } from "../disputes/entities.js";

const REASON_LENGTH_MAX = 2_000;

/** An answer to a dispute. */
@InputType({ description: "An answer to a dispute." })
export class AnswerDisputeInput extends RepeatableInput {
  @Field(() => ID, { description: "Begins with `dsp_`." })
  readonly disputeId!: string;

  @Field(() => DisputeOutcome, { description: "What is answered." })
  readonly outcome!: DisputeOutcome;

  @Field(() => Decimal, {
    nullable: true,
    description: "What is put right, in the statement's currency, positive in the partner's favour; none: nothing.",
  })
  @IsOptional()
  readonly amount?: string | null;

  @Field(() => String, { description: `Why: 1–${REASON_LENGTH_MAX} characters, which the partner reads.` })
  @MinLength(1)
  @MaxLength(REASON_LENGTH_MAX)
  readonly reason!: string;
}

/** An answer that waits for a second person. */
@InputType({ description: "An answer that waits for a second person." })
export class ApproveDisputeAnswerInput extends RepeatableInput {
  @Field(() => ID, { description: "Begins with `dsp_`." })
  readonly disputeId!: string;

  @Field(() => Decimal, { description: "The amount as it was read; another one that was answered since is refused." })
  readonly amount!: string;
}
