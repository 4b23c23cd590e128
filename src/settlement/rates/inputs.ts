import { IsDate, IsEnum, IsOptional, Length, Matches } from "class-validator";
import { ArgsType, Field, ID, InputType } from "type-graphql";
import { PageArgs, RepeatableInput } from "../../platform/arguments.js";
import { CurrencyCode } from "../../platform/graphql.js";
import { RateType } from "../terms/fx.js";
import { ExchangeRateState } from "./entities.js";

/** A rate to be entered. */
@InputType({
  description: "An exchange rate to be entered, or corrected while no statement has used it; a second person approves.",
})
export class EnterExchangeRateInput extends RepeatableInput {
  @Field(() => CurrencyCode, { description: "What is converted." })
  readonly base!: string;

  @Field(() => CurrencyCode, { description: "What it becomes." })
  readonly quote!: string;

  @Field(() => RateType, { description: "How it came about." })
  @IsEnum(RateType)
  readonly type!: RateType;

  @Field(() => String, { description: "Who says so: 1–64 of `[A-Za-z0-9._:-]`, as configurations name it." })
  @Matches(/^[A-Za-z0-9._:-]{1,64}$/)
  readonly source!: string;

  @Field(() => Date, { description: "The instant it is of; not in the future." })
  @IsDate()
  readonly asOf!: Date;

  @Field(() => String, { description: "Units of `quote` for one of `base`: a positive decimal, up to 12 + 18 digits." })
  @Matches(/^(?:0|[1-9]\d{0,11})(?:\.\d{1,18})?$/)
  readonly rate!: string;
}

/** A rate that shall stand. */
@InputType({ description: "An entered exchange rate that shall stand." })
export class ApproveExchangeRateInput extends RepeatableInput {
  @Field(() => ID, { description: "Begins with `fxr_`." })
  readonly exchangeRateId!: string;
}

/** A rate that shall not stand. */
@InputType({ description: "An entered exchange rate that shall not stand." })
export class RefuseExchangeRateInput extends RepeatableInput {
  @Field(() => ID, { description: "Begins with `fxr_`." })
  readonly exchangeRateId!: string;

  @Field(() => String, { description: "Why; 1–500 characters." })
  @Length(1, 500)
  readonly reason!: string;
}

/** A page of rates. */
@ArgsType()
export class ExchangeRatesArgs extends PageArgs {
  @Field(() => CurrencyCode, { nullable: true, description: "Only rates of this currency." })
  @IsOptional()
  readonly base?: string | null;

  @Field(() => CurrencyCode, { nullable: true, description: "Only rates into this currency." })
  @IsOptional()
  readonly quote?: string | null;

  @Field(() => ExchangeRateState, { nullable: true, description: "Only those that stand there." })
  @IsOptional()
  @IsEnum(ExchangeRateState)
  readonly state?: ExchangeRateState | null;
}
