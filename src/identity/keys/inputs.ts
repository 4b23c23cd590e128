import { ArrayMaxSize, IsOptional, Length } from "class-validator";
import { ArgsType, Field, ID, InputType } from "type-graphql";
import { PageArgs, RepeatableInput } from "../../platform/arguments.js";
import { KeyPurpose } from "../entities.js";

/** What `registerKey` takes. */
@InputType({ description: "One more public key for a client." })
export class RegisterKeyInput extends RepeatableInput {
  @Field(() => ID, { description: "The client whose key it is." })
  readonly clientId!: string;

  @Field(() => String, { description: "A public JWK (RFC 7517) as JSON text; `kid` defaults to its thumbprint." })
  @Length(2, 20_000)
  readonly jwk!: string;

  @Field(() => [KeyPurpose], {
    nullable: true,
    description: "What it is for; null for what its `use` and `alg` say, and for signing where they say nothing.",
  })
  @IsOptional()
  @ArrayMaxSize(3)
  readonly purposes?: KeyPurpose[] | null;

  @Field(() => Date, { nullable: true, description: "It is refused before this instant." })
  @IsOptional()
  readonly notBefore?: Date | null;

  @Field(() => Date, { nullable: true, description: "It is refused from this instant on." })
  @IsOptional()
  readonly expiresAt?: Date | null;
}

/** What `revokeKey` takes. */
@InputType({ description: "A key that is to be refused from now on." })
export class RevokeKeyInput extends RepeatableInput {
  @Field(() => ID, { description: "The key." })
  readonly keyId!: string;

  @Field(() => String, { description: "Why, for the audit record; 1–200 characters." })
  @Length(1, 200)
  readonly reason!: string;
}

/** A page of keys. */
@ArgsType()
export class KeysArgs extends PageArgs {
  @Field(() => ID, { nullable: true, description: "Only those of this client." })
  @IsOptional()
  readonly clientId?: string | null;
}
