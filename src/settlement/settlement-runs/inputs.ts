import { ArrayMaxSize, ArrayMinSize, IsOptional, Length } from "class-validator";
import { ArgsType, Field, ID, InputType } from "type-graphql";
import { PageArgs, RepeatableInput } from "../../platform/arguments.js";
import { RunState } from "./entities.js";

/** The most partners that a run may name; one that names none takes all that have something due. */
const PARTNERS_MAX = 1_000;

/** Whom to settle, and how far. */
@InputType({ description: "Whom to settle, and how far." })
export class StartSettlementRunInput extends RepeatableInput {
  @Field(() => [ID], {
    nullable: true,
    description: `1 to ${PARTNERS_MAX} partners; left out, all with something due.`,
  })
  @IsOptional()
  @ArrayMinSize(1)
  @ArrayMaxSize(PARTNERS_MAX)
  readonly partnerIds?: string[] | null;

  @Field(() => Date, { description: "Periods that end by then, and are due when the run begins, are settled." })
  readonly through!: Date;
}

/** A run to stop. */
@InputType({ description: "A run to stop." })
export class CancelSettlementRunInput extends RepeatableInput {
  @Field(() => ID, { description: "Begins with `run_`." })
  readonly runId!: string;

  @Field(() => String, { nullable: true, description: "Why, for the audit trail; 1–500 characters." })
  @IsOptional()
  @Length(1, 500)
  readonly reason?: string | null;
}

/** A page of a run's partners. */
@ArgsType()
export class RunPartnersArgs extends PageArgs {
  @Field(() => RunState, { nullable: true, description: "Only partners that stand there." })
  @IsOptional()
  readonly state?: RunState | null;
}
