import { IsBoolean, IsInt, IsOptional, Length, Max, Min } from "class-validator";
import { ArgsType, Field, ID, InputType, Int } from "type-graphql";
import { PageArgs, RepeatableInput } from "../../platform/arguments.js";

const MINUTES_MAX = 525_600;

/** Whom to block, and for how long. */
@InputType({ description: "A client or a partner to be blocked; name one of the two." })
export class CreateThreatBlockInput extends RepeatableInput {
  @Field(() => ID, { nullable: true, description: "The client: whatever it asks is refused." })
  @IsOptional()
  readonly clientId?: string | null;

  @Field(() => ID, { nullable: true, description: "The partner: its batches are taken, and kept in quarantine." })
  @IsOptional()
  readonly partnerId?: string | null;

  @Field(() => String, { description: "Why, for the audit record; 1–200 characters." })
  @Length(1, 200)
  readonly reason!: string;

  @Field(() => Int, { nullable: true, description: "Minutes after which it ends; null: until a person lifts it." })
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(MINUTES_MAX)
  readonly minutes?: number | null;
}

/** A block to be lifted. */
@InputType({ description: "A block to be lifted." })
export class LiftThreatBlockInput extends RepeatableInput {
  @Field(() => ID, { description: "The block." })
  readonly threatBlockId!: string;

  @Field(() => String, { description: "Why, for the audit record; 1–200 characters." })
  @Length(1, 200)
  readonly reason!: string;
}

/** A page of blocks. */
@ArgsType()
export class ThreatBlocksArgs extends PageArgs {
  @Field(() => Boolean, { defaultValue: true, description: "Only those that stand; false: all that ever were." })
  @IsBoolean()
  readonly standing!: boolean;
}
