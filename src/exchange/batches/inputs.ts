import { IsOptional } from "class-validator";
import { ArgsType, Field, ID, InputType, Int } from "type-graphql";
import { PageArgs } from "../../platform/arguments.js";
import { BatchState } from "../entities.js";
import { WAIT_MS } from "../submission/service.js";

/** A signed batch to submit. */
@InputType({ description: "A signed batch to submit. Its own `jti` makes it idempotent." })
export class SubmitBatchInput {
  @Field(() => String, {
    description:
      "JWS compact serialisation, at most 8 MB; see `schema/batch.schema.json` for the payload. Or a JWE around it," +
      " `cty: quittance-batch+jws`, for one of `encryptionKeys`.",
  })
  readonly jws!: string;

  @Field(() => Int, {
    defaultValue: WAIT_MS.default,
    description: "Milliseconds to wait for the outcome, 0 to 30,000; the answer comes as soon as the batch is posted.",
  })
  readonly waitMs!: number;
}

/** A page of a partner's batches. */
@ArgsType()
export class BatchesArgs extends PageArgs {
  @Field(() => ID, { nullable: true, description: "Whose batches; a partner's own client may leave it out." })
  @IsOptional()
  readonly partnerId?: string | null;

  @Field(() => BatchState, { nullable: true, description: "Only batches that stand there." })
  @IsOptional()
  readonly state?: BatchState | null;
}
