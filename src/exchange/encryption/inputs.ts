import { IsBoolean, IsOptional } from "class-validator";
import { Field, ID, InputType } from "type-graphql";
import { RepeatableInput } from "../../platform/arguments.js";

/** What `demandEncryption` takes. */
@InputType({ description: "Whether a partner's batches must come encrypted." })
export class DemandEncryptionInput extends RepeatableInput {
  @Field(() => ID, { nullable: true, description: "Whose batches; a partner's own client may leave it out." })
  @IsOptional()
  readonly partnerId?: string | null;

  @Field(() => Boolean, {
    description: "True refuses what comes signed alone. Only the tenant takes a demand back.",
  })
  @IsBoolean()
  readonly encryptedOnly!: boolean;
}
