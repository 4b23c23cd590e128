import { IsInt, IsOptional, Min } from "class-validator";
import { ArgsType, Field, ID, Int } from "type-graphql";

/** Whose events to follow, and from where. */
@ArgsType()
export class FollowArgs {
  @Field(() => ID, { nullable: true, description: "Whose events; a partner's own client may leave it out." })
  @IsOptional()
  readonly partnerId?: string | null;

  @Field(() => Int, {
    nullable: true,
    description:
      "The last `sequence` you have seen: everything after it is replayed first. Left out, events begin now.",
  })
  @IsOptional()
  @IsInt()
  @Min(0)
  readonly afterSequence?: number | null;
}
