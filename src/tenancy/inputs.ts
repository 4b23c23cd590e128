import { ArrayMaxSize, ArrayMinSize, Length, Matches } from "class-validator";
import { Field, InputType } from "type-graphql";
import { PartnerKind } from "./entities.js";

const KEY_DESCRIPTION = "1–128 of `[A-Za-z0-9._:-]`; the same key and input again answer the same, for 120 days.";

/** What `createTenant` takes. */
@InputType({ description: "A tenant to be created." })
export class CreateTenantInput {
  @Field(() => String, { description: "For people; 1–200 characters." })
  @Length(1, 200)
  readonly name!: string;

  @Field(() => String, { description: KEY_DESCRIPTION })
  @Matches(/^[A-Za-z0-9._:-]{1,128}$/)
  readonly idempotencyKey!: string;
}

/** What `createPartner` takes. */
@InputType({ description: "A partner to be created." })
export class CreatePartnerInput {
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

  @Field(() => [String], { description: "Currencies it may send, the settlement currency first; 1–20 codes." })
  @ArrayMinSize(1)
  @ArrayMaxSize(20)
  readonly currencies!: string[];

  @Field(() => String, { description: KEY_DESCRIPTION })
  @Matches(/^[A-Za-z0-9._:-]{1,128}$/)
  readonly idempotencyKey!: string;
}
