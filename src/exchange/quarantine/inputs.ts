import { IsBoolean, IsOptional, Length } from "class-validator";
import { ArgsType, Field, ID, InputType } from "type-graphql";
import { PageArgs, RepeatableInput } from "../../platform/arguments.js";

/** A quarantined batch to be posted. */
@InputType({ description: "A quarantined batch to be posted." })
export class ReleaseQuarantinedBatchInput extends RepeatableInput {
  @Field(() => ID, { description: "The batch." })
  readonly batchId!: string;

  @Field(() => String, { description: "Why; 1–200 characters, which the partner reads too." })
  @Length(1, 200)
  readonly reason!: string;
}

/** A quarantined batch to be refused. */
@InputType({ description: "A quarantined batch to be refused for good." })
export class RejectQuarantinedBatchInput extends RepeatableInput {
  @Field(() => ID, { description: "The batch." })
  readonly batchId!: string;

  @Field(() => String, { description: "Why; 1–200 characters, which the partner reads too." })
  @Length(1, 200)
  readonly reason!: string;
}

/** A page of quarantined batches. */
@ArgsType()
export class QuarantinedBatchesArgs extends PageArgs {
  @Field(() => ID, { nullable: true, description: "Only those of this partner." })
  @IsOptional()
  readonly partnerId?: string | null;

  @Field(() => Boolean, { defaultValue: true, description: "Only those that nobody decided on; false: all." })
  @IsBoolean()
  readonly open!: boolean;
}
