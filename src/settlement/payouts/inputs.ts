import { IsEnum, IsOptional, Length, Matches } from "class-validator";
import { ArgsType, Field, ID, InputType } from "type-graphql";
import { PageArgs, RepeatableInput } from "../../platform/arguments.js";
import { Decimal } from "../../platform/graphql.js";
import { PayoutState } from "./entities.js";

/** What every mark of a payout says. */
@InputType()
abstract class MarkInput extends RepeatableInput {
  @Field(() => ID, { description: "Begins with `pay_`." })
  readonly payoutId!: string;

  @Field(() => String, { nullable: true, description: "The bank's reference or reason; 1–500 characters." })
  @IsOptional()
  @Length(1, 500)
  readonly note?: string | null;
}

/** A payout that was paid. */
@InputType({ description: "A payout that the bank paid." })
export class MarkPayoutPaidInput extends MarkInput {
  @Field(() => Decimal, {
    nullable: true,
    description: "What was paid of it; left out, all of it. The rest of a part stays payable.",
  })
  @IsOptional()
  readonly amount?: string | null;
}

/** A payout that was not paid. */
@InputType({ description: "A payout that the bank did not pay." })
export class MarkPayoutRefusedInput extends MarkInput {}

/** A payout that came back. */
@InputType({ description: "A payout that the bank paid and gave back." })
export class MarkPayoutReturnedInput extends MarkInput {
  @Field(() => Decimal, { nullable: true, description: "What came back; left out, all that was paid and is not back." })
  @IsOptional()
  readonly amount?: string | null;
}

/** A page of payouts. */
@ArgsType()
export class PayoutsArgs extends PageArgs {
  @Field(() => ID, { nullable: true, description: "Only of that partner; a partner's own client sees only its own." })
  @IsOptional()
  readonly partnerId?: string | null;

  @Field(() => ID, { nullable: true, description: "Only of that file." })
  @IsOptional()
  readonly fileId?: string | null;

  @Field(() => ID, { nullable: true, description: "Only of that statement." })
  @IsOptional()
  readonly statementId?: string | null;

  @Field(() => PayoutState, { nullable: true, description: "Only those that stand there." })
  @IsOptional()
  @IsEnum(PayoutState)
  readonly state?: PayoutState | null;

  @Field(() => String, { nullable: true, description: "Only the one of that `EndToEndId`, as banks report it." })
  @IsOptional()
  @Matches(/^[a-z0-9-]{1,35}$/)
  readonly endToEndId?: string | null;
}
