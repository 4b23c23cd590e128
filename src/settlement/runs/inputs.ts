import { IsOptional } from "class-validator";
import { ArgsType, Field, ID, InputType } from "type-graphql";
import { PeriodState } from "../../periods/entities.js";
import { PageArgs, RepeatableInput } from "../../platform/arguments.js";

/** A period to close. */
@InputType({ description: "A period to close." })
export class ClosePeriodInput extends RepeatableInput {
  @Field(() => ID, { description: "Begins with `prd_`; the earliest of its partner that is open, and due." })
  readonly periodId!: string;
}

/** A page of a partner's periods. */
@ArgsType()
export class PeriodsArgs extends PageArgs {
  @Field(() => ID, { nullable: true, description: "Whose periods; a partner's own client may leave it out." })
  @IsOptional()
  readonly partnerId?: string | null;

  @Field(() => PeriodState, { nullable: true, description: "Only periods that stand there." })
  @IsOptional()
  readonly state?: PeriodState | null;
}
