import { IsOptional, Length, Matches } from "class-validator";
import { ArgsType, Field, ID, InputType } from "type-graphql";
import { PageArgs, RepeatableInput } from "../../platform/arguments.js";
import { CurrencyCode } from "../../platform/graphql.js";

const NUMBER_LENGTH_MAX = 64;

/** An account to be registered. */
@InputType({
  description: "A bank account: by its IBAN, or by its number and a BIC, a clearing code or both. Blanks mean nothing.",
})
export class RegisterPayoutAccountInput extends RepeatableInput {
  @Field(() => ID, {
    nullable: true,
    description: "The partner that is paid to it; null where the tenant pays from it.",
  })
  @IsOptional()
  readonly partnerId?: string | null;

  @Field(() => String, {
    nullable: true,
    description: "A receiver of `payout.splits`; left out, the account is the partner's own.",
  })
  @IsOptional()
  @Matches(/^[A-Za-z0-9._:-]{1,64}$/)
  readonly payee?: string | null;

  @Field(() => CurrencyCode, { description: "The currency that is paid to it or from it; one that banks transfer." })
  readonly currency!: string;

  @Field(() => String, { description: "Whose account it is, in any script; 1–140 characters." })
  @Length(1, 140)
  readonly holderName!: string;

  @Field(() => String, {
    nullable: true,
    description:
      "The name as files spell it: 1–70 of the letters that every bank takes. Needed where `holderName` has others" +
      " than Latin letters; else it follows from it.",
  })
  @IsOptional()
  @Length(1, 70)
  readonly latinName?: string | null;

  @Field(() => String, { description: "Country of the holder's address: ISO 3166-1, two capital letters." })
  @Matches(/^[A-Z]{2}$/)
  readonly country!: string;

  @Field(() => String, { nullable: true, description: "Town of the holder's address: up to 35 Latin letters." })
  @IsOptional()
  @Length(1, 35)
  readonly town?: string | null;

  @Field(() => String, { nullable: true, description: "The IBAN; it is checked." })
  @IsOptional()
  @Length(1, NUMBER_LENGTH_MAX)
  readonly iban?: string | null;

  @Field(() => String, { nullable: true, description: "The number, where there is no IBAN." })
  @IsOptional()
  @Length(1, NUMBER_LENGTH_MAX)
  readonly accountNumber?: string | null;

  @Field(() => String, { nullable: true, description: "The bank (ISO 9362)." })
  @IsOptional()
  @Length(1, NUMBER_LENGTH_MAX)
  readonly bic?: string | null;

  @Field(() => String, { nullable: true, description: "Code of a clearing system (ISO 20022), e.g. `KRBOK`." })
  @IsOptional()
  @Length(1, NUMBER_LENGTH_MAX)
  readonly clearingSystem?: string | null;

  @Field(() => String, { nullable: true, description: "The bank's code in that clearing system." })
  @IsOptional()
  @Length(1, NUMBER_LENGTH_MAX)
  readonly clearingMember?: string | null;
}

/** An account to be approved. */
@InputType({ description: "A registered account that shall be used." })
export class ApprovePayoutAccountInput extends RepeatableInput {
  @Field(() => ID, { description: "Begins with `pac_`." })
  readonly payoutAccountId!: string;
}

/** An account to be refused. */
@InputType({ description: "A registered account that shall not be used." })
export class RefusePayoutAccountInput extends RepeatableInput {
  @Field(() => ID, { description: "Begins with `pac_`." })
  readonly payoutAccountId!: string;

  @Field(() => String, { description: "Why; 1–500 characters." })
  @Length(1, 500)
  readonly reason!: string;
}

/** A page of accounts. */
@ArgsType()
export class PayoutAccountsArgs extends PageArgs {
  @Field(() => ID, {
    nullable: true,
    description: "Whose accounts; left out, a partner's own, and for the tenant's people those that it pays from.",
  })
  @IsOptional()
  readonly partnerId?: string | null;
}
