import { IsDate, IsEnum, IsOptional } from "class-validator";
import { ArgsType, Field } from "type-graphql";
import { PageArgs } from "../../platform/arguments.js";
import { BatchState } from "../entities.js";

/** A page of the batches that a key signed. */
@ArgsType()
export class SignedBatchesArgs extends PageArgs {
  @Field(() => Date, { nullable: true, description: "Only those accepted since." })
  @IsOptional()
  @IsDate()
  readonly since?: Date | null;

  @Field(() => BatchState, { nullable: true, description: "Only those that stand there." })
  @IsOptional()
  @IsEnum(BatchState)
  readonly state?: BatchState | null;
}
