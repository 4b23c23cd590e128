import { ArrayMaxSize, ArrayMinSize, Length, Matches } from "class-validator";
import { Field, InputType } from "type-graphql";
import { RepeatableInput } from "../platform/arguments.js";
import { CurrencyCode } from "../platform/graphql.js";
import { PartnerKind } from "./entities.js";

/** What `createTenant` takes. */
@InputType({ description: "A tenant to be created." })
export class CreateTenantInput extends RepeatableInput {
  @Field(() => String, { description: "For people; 1–200 characters." })
  @Length(1, 200)
  readonly name!: string;
}

/** What `createPartner` takes. */
@InputType({ description: "A partner to be created." })
export class CreatePartnerInput extends RepeatableInput {
  @Field(() => String, { description: "Unique within the tenant; 1–64 of `[A-Za-z0-9._:-]`." })
  @Matches(/^[A-Za-z0-9._:-]{1,64}$/)
  readonly code!: string;

  @Field(() => String, { description: "For people; 1–200 characters." })
  @Length(1, 200)
  readonly name!: string;

  @Field(() => PartnerKind, { description: "What it is to the tenant." })
  readonly kind!: PartnerKind;

  @Field(() => String, { description: "IANA time zone in which its settlement days begin, e.g. `Asia/Seoul`." })
  @Length(1, 64)
  readonly timezone!: string;

  @Field(() => [CurrencyCode], { description: "Currencies it may send, the settlement currency first; 1–20 codes." })
  @ArrayMinSize(1)
  @ArrayMaxSize(20)
  readonly currencies!: string[];
}
