import { IsOptional, Length } from "class-validator";
import { ArgsType, Field, ID, InputType } from "type-graphql";
import { PageArgs, RepeatableInput } from "../../platform/arguments.js";

/** What `registerKey` takes. */
@InputType({ description: "One more public key for a client." })
export class RegisterKeyInput extends RepeatableInput {
  @Field(() => ID, { description: "The client whose key it is." })
  readonly clientId!: string;

  @Field(() => String, { description: "A public JWK (RFC 7517) as JSON text; `kid` defaults to its thumbprint." })
  @Length(2, 20_000)
  readonly jwk!: string;
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
