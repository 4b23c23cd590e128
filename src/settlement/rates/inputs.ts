import { IsDate, IsEnum, IsOptional, Matches } from "class-validator";
import { ArgsType, Field, InputType } from "type-graphql";
import { PageArgs, RepeatableInput } from "../../platform/arguments.js";
import { CurrencyCode } from "../../platform/graphql.js";
import { RateType } from "../terms/fx.js";

/** A rate to be entered. */
@InputType({ description: "An exchange rate to be entered, or corrected while no statement has used it." })
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

/** A page of rates. */
@ArgsType()
export class ExchangeRatesArgs extends PageArgs {
  @Field(() => CurrencyCode, { nullable: true, description: "Only rates of this currency." })
  @IsOptional()
  readonly base?: string | null;

  @Field(() => CurrencyCode, { nullable: true, description: "Only rates into this currency." })
  @IsOptional()
  readonly quote?: string | null;
}
