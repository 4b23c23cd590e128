import { IsEnum, IsOptional, Length } from "class-validator";
import { ArgsType, Field, ID, InputType } from "type-graphql";
import { PageArgs, RepeatableInput } from "../../platform/arguments.js";
import { CurrencyCode, Decimal } from "../../platform/graphql.js";
import { CollectionState } from "./entities.js";

/** The longest reference that is taken: ISO 20022 remittance information has 140 characters. */
const REFERENCE_LENGTH_MAX = 140;
const TEXT_LENGTH_MAX = 500;

/** Money that came. */
@InputType({ description: "Money that a partner paid, as the tenant's bank reported it." })
export class RecordCollectionInput extends RepeatableInput {
  @Field(() => ID, { description: "The partner who paid." })
  readonly partnerId!: string;

  @Field(() => CurrencyCode, { description: "In what it paid." })
  readonly currency!: string;

  @Field(() => Decimal, { description: "How much: above zero. What is more than owed stays to the partner's credit." })
  readonly amount!: string;

  @Field(() => String, {
    description: `The bank's own reference of the credit; 1–${REFERENCE_LENGTH_MAX} characters, once for each partner.`,
  })
  @Length(1, REFERENCE_LENGTH_MAX)
  readonly bankReference!: string;

  @Field(() => String, { description: "The bank's value date, `YYYY-MM-DD`; at most seven days ahead." })
  readonly valueOn!: string;
}

/** A record to be approved. */
@InputType({ description: "Recorded money that a second person found on the bank's statement too." })
export class ApproveCollectionInput extends RepeatableInput {
  @Field(() => ID, { description: "Begins with `col_`." })
  readonly collectionId!: string;
}

/** A record to be refused. */
@InputType({ description: "A record that is wrong." })
export class RefuseCollectionInput extends RepeatableInput {
  @Field(() => ID, { description: "Begins with `col_`." })
  readonly collectionId!: string;

  @Field(() => String, { description: `Why; 1–${TEXT_LENGTH_MAX} characters.` })
  @Length(1, TEXT_LENGTH_MAX)
  readonly reason!: string;
}

/** Money that went back. */
@InputType({ description: "Collected money that went back: the bank took it back, or the tenant refunded it." })
export class MarkCollectionReturnedInput extends RepeatableInput {
  @Field(() => ID, { description: "Begins with `col_`." })
  readonly collectionId!: string;

  @Field(() => Decimal, { nullable: true, description: "What went back; left out, all that is not back yet." })
  @IsOptional()
  readonly amount?: string | null;

  @Field(() => String, { description: `Why, such as the bank's code; 1–${TEXT_LENGTH_MAX} characters.` })
  @Length(1, TEXT_LENGTH_MAX)
  readonly reason!: string;
}

/** A page of collections. */
@ArgsType()
export class CollectionsArgs extends PageArgs {
  @Field(() => ID, { nullable: true, description: "Only of that partner; a partner's own client sees only its own." })
  @IsOptional()
  readonly partnerId?: string | null;

  @Field(() => CurrencyCode, { nullable: true, description: "Only in that currency." })
  @IsOptional()
  readonly currency?: string | null;

  @Field(() => CollectionState, { nullable: true, description: "Only those that stand there." })
  @IsOptional()
  @IsEnum(CollectionState)
  readonly state?: CollectionState | null;

  @Field(() => String, { nullable: true, description: "Only those of that reference, as the bank reports it." })
  @IsOptional()
  @Length(1, REFERENCE_LENGTH_MAX)
  readonly bankReference?: string | null;
}
