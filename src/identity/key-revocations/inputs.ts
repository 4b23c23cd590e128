import { IsOptional, Length } from "class-validator";
import { Field, ID, InputType } from "type-graphql";
import { RepeatableInput } from "../../platform/arguments.js";
import { RevocationCause } from "./entities.js";

/** Why keys are revoked. */
@InputType()
abstract class CauseInput extends RepeatableInput {
  @Field(() => String, { description: "Why, for the audit record; 1–200 characters." })
  @Length(1, 200)
  readonly reason!: string;

  @Field(() => RevocationCause, { defaultValue: RevocationCause.OTHER, description: "Why, for what follows from it." })
  readonly cause!: RevocationCause;

  @Field(() => Date, {
    nullable: true,
    description: "With `COMPROMISED`: since when somebody else may have used it; what was accepted since is looked at.",
  })
  @IsOptional()
  readonly compromisedAt?: Date | null;
}

/** What `revokeKey` takes. */
@InputType({ description: "A key that is to be refused from now on." })
export class RevokeKeyInput extends CauseInput {
  @Field(() => ID, { description: "The key." })
  readonly keyId!: string;
}

/** What `revokeAllKeys` takes. */
@InputType({ description: "Whose keys are to be refused from now on, all of them; exactly one of three is said." })
export class RevokeAllKeysInput extends CauseInput {
  @Field(() => ID, { nullable: true, description: "Every key of this client." })
  @IsOptional()
  readonly clientId?: string | null;

  @Field(() => ID, { nullable: true, description: "Every key of every client of this partner." })
  @IsOptional()
  readonly partnerId?: string | null;

  @Field(() => Boolean, {
    nullable: true,
    description: "Every key of the tenant and of its partners; the caller's too.",
  })
  @IsOptional()
  readonly isWholeTenant?: boolean | null;
}
