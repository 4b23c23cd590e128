import { ArrayMaxSize, IsInt, IsOptional, Length, Max, Min } from "class-validator";
import { Field, ID, InputType, Int } from "type-graphql";
import { RepeatableInput } from "../../platform/arguments.js";
import { KeyPurpose } from "../entities.js";

const KEYS_DESCRIPTION = "A public JWK or a JWK Set of up to 10 (RFC 7517) as JSON text, or a PEM (SPKI).";
const PURPOSES_DESCRIPTION =
  "What they are for; null for what `use` and `alg` say, and for signing where they say nothing.";
const PROOFS_DESCRIPTION = "For each key, in order, the proof that its holder has it; see `keyChallenges`.";
const OVERLAP_SECONDS_MAX = 7_776_000;

/** What `keyChallenges` takes. */
@InputType({ description: "Keys that are to be registered, and for whom." })
export class KeyChallengesInput {
  @Field(() => String, { description: KEYS_DESCRIPTION })
  @Length(2, 20_000)
  readonly jwk!: string;

  @Field(() => [KeyPurpose], { nullable: true, description: PURPOSES_DESCRIPTION })
  @IsOptional()
  @ArrayMaxSize(3)
  readonly purposes?: KeyPurpose[] | null;

  @Field(() => ID, { nullable: true, description: "The client that gets them; none where one is to be created." })
  @IsOptional()
  readonly clientId?: string | null;

  @Field(() => ID, { nullable: true, description: "The partner whose client is to be created; none for the tenant's." })
  @IsOptional()
  readonly partnerId?: string | null;

  @Field(() => ID, {
    nullable: true,
    description: "Another tenant, whose first client is to be created; for operators.",
  })
  @IsOptional()
  readonly tenantId?: string | null;
}

/** What `registerKey` takes. */
@InputType({ description: "More public keys for a client." })
export class RegisterKeyInput extends RepeatableInput {
  @Field(() => ID, { description: "The client whose keys they are." })
  readonly clientId!: string;

  @Field(() => String, { description: `${KEYS_DESCRIPTION} \`kid\` defaults to the key's thumbprint.` })
  @Length(2, 20_000)
  readonly jwk!: string;

  @Field(() => [String], { description: PROOFS_DESCRIPTION })
  @ArrayMaxSize(10)
  readonly proofs!: string[];

  @Field(() => [KeyPurpose], { nullable: true, description: PURPOSES_DESCRIPTION })
  @IsOptional()
  @ArrayMaxSize(3)
  readonly purposes?: KeyPurpose[] | null;

  @Field(() => Date, { nullable: true, description: "They are refused before this instant." })
  @IsOptional()
  readonly notBefore?: Date | null;

  @Field(() => Date, { nullable: true, description: "They are refused from this instant on." })
  @IsOptional()
  readonly expiresAt?: Date | null;
}

/** What `rotateKey` takes. */
@InputType({ description: "A key that takes another's place, for the same purposes." })
export class RotateKeyInput extends RepeatableInput {
  @Field(() => ID, { description: "The key that is replaced." })
  readonly keyId!: string;

  @Field(() => String, { description: "The new public key: a JWK (RFC 7517) as JSON text, or a PEM." })
  @Length(2, 20_000)
  readonly jwk!: string;

  @Field(() => [String], { description: PROOFS_DESCRIPTION })
  @ArrayMaxSize(1)
  readonly proofs!: string[];

  @Field(() => Int, {
    nullable: true,
    description: "How long the old key stays good once the new one is approved, 0 to 7,776,000; a week if left out.",
  })
  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(OVERLAP_SECONDS_MAX)
  readonly overlapSeconds?: number | null;

  @Field(() => Date, { nullable: true, description: "The new key is refused from this instant on." })
  @IsOptional()
  readonly expiresAt?: Date | null;
}

/** What `approveKey` takes. */
@InputType({ description: "A registered key to be put to use." })
export class ApproveKeyInput extends RepeatableInput {
  @Field(() => ID, { description: "The key." })
  readonly keyId!: string;
}
