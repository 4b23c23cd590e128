import { IsInt, IsOptional, IsString, Matches, Min } from "class-validator";
import { ArgsType, Field, ID, InputType, Int } from "type-graphql";
import { PAGE_ROWS_DEFAULT, PAGE_ROWS_MAX } from "../kernel/page.js";

const KEY_PATTERN = /^[A-Za-z0-9._:-]{1,128}$/;

/** What the input of every mutation has. */
@InputType()
export abstract class RepeatableInput {
  @Field(() => String, {
    description: "1–128 of `[A-Za-z0-9._:-]`; the same key and input again answer the same, for 120 days.",
  })
  @Matches(KEY_PATTERN)
  readonly idempotencyKey!: string;
}

/** Which page of a connection; the bounds are checked where the page is read. */
@ArgsType()
export class PageArgs {
  @Field(() => Int, { defaultValue: PAGE_ROWS_DEFAULT, description: `Rows of the page, 1 to ${PAGE_ROWS_MAX}.` })
  @IsInt()
  readonly first!: number;

  @Field(() => String, { nullable: true, description: "Cursor to start behind." })
  @IsOptional()
  @IsString()
  readonly after?: string | null;
}

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
