import { IsInt, IsOptional, Min } from "class-validator";
import { Field, ID, InputType, Int } from "type-graphql";
import { RepeatableInput } from "../../platform/arguments.js";

/** What `setClientPolicy` takes. */
@InputType({ description: "What a client may ask from now on; the whole of it, not a change." })
export class SetClientPolicyInput extends RepeatableInput {
  @Field(() => ID, { description: "The client." })
  readonly clientId!: string;

  @Field(() => Int, {
    nullable: true,
    description: "Points in ten seconds, no more than the installation allows; none for just that.",
  })
  @IsOptional()
  @IsInt()
  @Min(1)
  readonly ratePoints?: number | null;

  @Field(() => Boolean, { defaultValue: false, description: "Whether it may run registered documents only." })
  readonly trustedDocumentsOnly!: boolean;
}
