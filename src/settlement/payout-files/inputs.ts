import { ArrayMaxSize, IsOptional, Length, Matches } from "class-validator";
import { Field, ID, InputType } from "type-graphql";
import { RepeatableInput } from "../../platform/arguments.js";
import { CurrencyCode } from "../../platform/graphql.js";

const DATE = /^\d{4}-\d{2}-\d{2}$/;
const PARTNERS_MAX = 1_000;

/** What a file shall pay. */
@InputType({ description: "What a payout file shall pay: whatever is payable in a currency, as far as these say." })
export class CreatePayoutFileInput extends RepeatableInput {
  @Field(() => CurrencyCode, { description: "The currency; an account to pay from must be approved for it." })
  readonly currency!: string;

  @Field(() => String, {
    nullable: true,
    description:
      "Only statements to be paid by that date, `YYYY-MM-DD`, and those without one; left out, each on its own date.",
  })
  @IsOptional()
  @Matches(DATE)
  readonly dueThrough?: string | null;

  @Field(() => String, {
    nullable: true,
    description: "No transfer is asked for before that date; left out, today in each partner's zone.",
  })
  @IsOptional()
  @Matches(DATE)
  readonly executeFrom?: string | null;

  @Field(() => [ID], { nullable: true, description: "Only these partners, at most 1,000; left out, all of them." })
  @IsOptional()
  @ArrayMaxSize(PARTNERS_MAX)
  readonly partnerIds?: string[] | null;
}

/** A file to be voided. */
@InputType({ description: "A file that the bank refused as a whole, or never got." })
export class VoidPayoutFileInput extends RepeatableInput {
  @Field(() => ID, { description: "Begins with `pfl_`." })
  readonly payoutFileId!: string;

  @Field(() => String, { description: "Why; 1–500 characters." })
  @Length(1, 500)
  readonly reason!: string;
}
