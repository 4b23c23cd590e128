import { ArrayMaxSize, ArrayMinSize, IsBoolean, IsOptional, IsString, Length } from "class-validator";
import { ArgsType, Field, ID, InputType } from "type-graphql";
import { PageArgs, RepeatableInput } from "../../platform/arguments.js";

/** What `createClient` takes. */
@InputType({ description: "A client to be created, with its first public keys." })
export class CreateClientInput extends RepeatableInput {
  @Field(() => ID, { nullable: true, description: "The partner it acts for; none for the tenant's administration." })
  @IsOptional()
  readonly partnerId?: string | null;

  @Field(() => ID, { nullable: true, description: "Another tenant, whose first client it is; for operators." })
  @IsOptional()
  readonly tenantId?: string | null;

  @Field(() => String, { description: "For people; 1–200 characters." })
  @Length(1, 200)
  readonly name!: string;

  @Field(() => [String], {
    description: "OAuth scopes it may ask for; a partner's client may submit, read and manage its keys.",
  })
  @ArrayMinSize(1)
  @ArrayMaxSize(20)
  readonly scopes!: string[];

  @Field(() => String, { description: "A public JWK or a JWK Set of up to 10 (RFC 7517), as JSON text, or a PEM." })
  @Length(2, 20_000)
  readonly jwks!: string;

  @Field(() => [String], {
    description: "For each key, in order, the proof that its holder has it; `keyChallenges` says what is to be proven.",
  })
  @ArrayMaxSize(10)
  readonly proofs!: string[];

  @Field(() => Boolean, { defaultValue: false, description: "Whether it is given key-bound tokens (DPoP) alone." })
  @IsBoolean()
  readonly dpopBoundAccessTokens!: boolean;
}

/** What `updateClient` takes. */
@InputType({ description: "How a client is to be from now on." })
export class UpdateClientInput extends RepeatableInput {
  @Field(() => ID, { description: "Begins with `cli_`." })
  @IsString()
  readonly clientId!: string;

  @Field(() => Boolean, {
    description: "Whether it is given key-bound tokens (DPoP) alone; its bearer tokens end then.",
  })
  @IsBoolean()
  readonly dpopBoundAccessTokens!: boolean;
}

/** A page of clients. */
@ArgsType()
export class ClientsArgs extends PageArgs {
  @Field(() => ID, { nullable: true, description: "Only those of this partner." })
  @IsOptional()
  readonly partnerId?: string | null;
}
