import { Field, Float, ID, ObjectType } from "type-graphql";

/** That a batch is among those whose transactions a closed period's statements settle. */
@ObjectType({
  description:
    "That a batch is among those whose transactions a closed period's statements settle: an inclusion proof" +
    " (RFC 6962, section 2.1.1) to the root that `transactions` on those statements states.",
})
export class PeriodInclusionProof {
  @Field(() => ID, { description: "The settlement period. Begins with `prd_`." })
  readonly periodId!: string;

  @Field(() => Float, { description: "The batch's place among those of the period, from 0; a whole number." })
  readonly index!: number;

  @Field(() => Float, { description: "How many batches were posted into the period; a whole number." })
  readonly size!: number;

  @Field(() => String, {
    description:
      "The leaf: canonical JSON (RFC 8785) of the batch's id and the SHA-256 of its payload and of its outcomes. Its" +
      " hash is SHA-256 over a zero byte and these bytes.",
  })
  readonly leaf!: string;

  @Field(() => [String], { description: "Hashes of the proof in base64, from the leaf's sibling to the root." })
  readonly hashes!: readonly string[];

  @Field(() => String, { description: "Root of the period's tree, in hexadecimal; its statements state it too." })
  readonly root!: string;
}
