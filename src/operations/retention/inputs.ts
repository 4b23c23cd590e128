import { IsInt, IsOptional, Length, Max, Min } from "class-validator";
import { Field, ID, InputType, Int } from "type-graphql";
import { RepeatableInput } from "../../platform/arguments.js";

/** Content is kept no shorter than answers are repeated and rollbacks usually come. */
const ITEM_DAYS = { min: 120, max: 36_500 } as const;
const ORIGIN_DAYS = { min: 30, max: 36_500 } as const;

/** For how long things shall be kept. */
@InputType({ description: "For how long things shall be kept; a second person approves it." })
export class ProposeRetentionInput extends RepeatableInput {
  @Field(() => Int, {
    nullable: true,
    description: "Days after the end of a period for envelopes and transactions, 120 to 36,500; left out: for ever.",
  })
  @IsOptional()
  @IsInt()
  @Min(ITEM_DAYS.min)
  @Max(ITEM_DAYS.max)
  readonly itemDays?: number | null;

  @Field(() => Int, {
    nullable: true,
    description: "Days for addresses and traces of acts, 30 to 36,500; left out: for ever.",
  })
  @IsOptional()
  @IsInt()
  @Min(ORIGIN_DAYS.min)
  @Max(ORIGIN_DAYS.max)
  readonly originDays?: number | null;

  @Field(() => String, { description: "Why: 1–500 characters." })
  @Length(1, 500)
  readonly reason!: string;
}

/** That the key of players' pseudonyms shall be erased. */
@InputType({ description: "That the key of players' pseudonyms shall be erased; a second person approves it." })
export class ProposePlayerKeyErasureInput extends RepeatableInput {
  @Field(() => String, { description: "Why: 1–500 characters." })
  @Length(1, 500)
  readonly reason!: string;
}

/** A proposal to be approved. */
@InputType({ description: "A proposal of somebody else that shall be in force." })
export class ApproveRetentionChangeInput extends RepeatableInput {
  @Field(() => ID, { description: "Begins with `rtn_`." })
  readonly retentionChangeId!: string;
}

/** A proposal to be refused. */
@InputType({ description: "A proposal that shall not be in force: somebody else's, or one's own, taken back." })
export class RefuseRetentionChangeInput extends RepeatableInput {
  @Field(() => ID, { description: "Begins with `rtn_`." })
  readonly retentionChangeId!: string;

  @Field(() => String, { description: "Why: 1–500 characters." })
  @Length(1, 500)
  readonly reason!: string;
}
