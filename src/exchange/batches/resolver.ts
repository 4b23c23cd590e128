import {
  Arg,
  Args,
  Authorized,
  Ctx,
  Field,
  FieldResolver,
  ID,
  Int,
  Mutation,
  ObjectType,
  Query,
  Resolver,
  Root,
  registerEnumType,
} from "type-graphql";
import { ActType } from "../../acts/entities.js";
import { ErrorCode } from "../../kernel/errors.js";
import { PageArgs } from "../../platform/arguments.js";
import { type Connection, type Context, connectionOf, connectionType } from "../../platform/graphql.js";
import { Partner } from "../../tenancy/entities.js";
import { partnerNamedOrOwn, partnerOf, partnersByNumber } from "../../tenancy/service.js";
import { InclusionProof } from "../../transparency/entities.js";
import { inclusionProofOf } from "../../transparency/proving/service.js";
import { PeriodInclusionProof } from "../commitments/entities.js";
import { proofsInRequest } from "../commitments/service.js";
import { CameEncrypted } from "../encryption/entities.js";
import { Batch } from "../entities.js";
import { ItemOutcome } from "../posting/rules.js";
import { encryptedReceipt } from "../receipts/service.js";
import { receiptOf, submitBatch } from "../submission/service.js";
import { BatchesArgs, SubmitBatchInput } from "./inputs.js";
import { batchesOf, batchOf, countBatches, type NumberedOutcome, outcomePage } from "./service.js";

registerEnumType(ItemOutcome, {
  name: "ItemOutcome",
  description: "What became of one item of a batch.",
  valuesConfig: {
    POSTED: { description: "In the ledger." },
    DUPLICATE: { description: "Known already with the same content; nothing was posted again." },
    DUPLICATE_MISMATCH: { description: "Its id is taken by another content; nothing was posted." },
    PENDING_ORIGINAL: { description: "A rollback that waits for its original." },
    REFUSED: { description: "Not posted; the code says why, and the id may be sent again." },
  },
});

/** What became of one item of a batch. */
@ObjectType("BatchItemOutcome", { description: "What became of one item of a batch." })
class BatchItemOutcome implements NumberedOutcome {
  @Field(() => Int, { description: "The item's place in the batch, from 0." })
  readonly index!: number;

  @Field(() => ItemOutcome, { description: "What became of it." })
  readonly outcome!: ItemOutcome;

  @Field(() => ErrorCode, { nullable: true, description: "Why it was refused; null otherwise." })
  readonly code?: ErrorCode;

  @Field(() => String, {
    nullable: true,
    description: "JSON pointer into the payload to what is wrong; null otherwise.",
  })
  readonly path?: string;
}

/** The answer to a submission. */
@ObjectType({ description: "The answer to a submission: the batch as it stands, and the platform's receipt." })
export class SubmitBatchPayload {
  @Field(() => Batch, { description: "The batch; POSTED if that happened within the wait." })
  readonly batch!: Batch;

  @Field(() => String, {
    description: "Signed receipt: JWS compact, `typ: quittance-receipt+jws`. The same on every replay.",
  })
  readonly receipt!: string;

  @Field(() => Boolean, { description: "Whether this very payload had been accepted before." })
  readonly replayed!: boolean;
}

const BatchConnection = connectionType("Batch", Batch);
const OutcomeConnection = connectionType("BatchItemOutcome", BatchItemOutcome);

/** Batches: submit and read. */
@Resolver(() => Batch)
export class BatchResolver {
  @Authorized("batches:submit")
  @Mutation(() => SubmitBatchPayload, { description: "Submit a signed batch of transactions." })
  submitBatch(
    @Ctx() { app, actor }: Context,
    @Arg("input", () => SubmitBatchInput, { description: "The signed batch.", validate: false })
    input: SubmitBatchInput,
  ): Promise<SubmitBatchPayload> {
    return submitBatch(app, actor, input);
  }

  @Authorized("batches:read")
  @Query(() => Batch, { description: "A batch by its id." })
  async batch(
    @Ctx() { app, actor }: Context,
    @Arg("id", () => ID, { description: "Begins with `bat_`." }) id: string,
  ): Promise<Batch> {
    const own = actor.partnerId === null ? null : await partnerOf(app, actor, actor.partnerId);
    return batchOf(app, actor, id, own?.no ?? null);
  }

  @Authorized("batches:read")
  @Query(() => BatchConnection, { description: "A partner's batches, newest first." })
  async batches(
    @Ctx() { app, actor }: Context,
    @Args(() => BatchesArgs) args: BatchesArgs,
  ): Promise<Connection<Batch>> {
    const partner = await partnerNamedOrOwn(app, actor, args.partnerId ?? null);
    const state = args.state ?? null;
    const page = await batchesOf(app, partner, state, args);
    return connectionOf("batches", page, args.after, () => countBatches(app, partner, state));
  }

  @FieldResolver(() => Partner, { description: "The partner whose account it is." })
  async partner(@Ctx() { app, actor, loaders }: Context, @Root() batch: Batch): Promise<Partner> {
    return loaders
      .of("partner", (numbers: readonly number[]) => partnersByNumber(app, actor, numbers))
      .load(batch.partnerNo);
  }

  @FieldResolver(() => String, {
    description: "The receipt's `sequence`: unique and growing within the tenant, not contiguous.",
  })
  sequence(@Root() batch: Batch): string {
    return batch.no;
  }

  @FieldResolver(() => CameEncrypted, { nullable: true, description: "How it came encrypted; null if signed alone." })
  encryption(@Root() { encryptionKid: kid, encryptedSha256: hash }: Batch): CameEncrypted | null {
    return kid === null || hash === null ? null : { kid, sha256: hash.toString("hex") };
  }

  @FieldResolver(() => String, { description: "SHA-256 of the payload as received, in hexadecimal." })
  payloadSha256(@Root() batch: Batch): string {
    return batch.payloadSha256.toString("hex");
  }

  @FieldResolver(() => String, {
    nullable: true,
    description:
      "Version of the partner's balances that shows its postings; pass it as `balances(atLeast:)`. Null until posted.",
  })
  ledgerVersion(@Root() batch: Batch): string | null {
    return batch.ledgerVersion?.toString() ?? null;
  }

  @FieldResolver(() => String, {
    nullable: true,
    description:
      "Signed receipt: JWS compact, `typ: quittance-receipt+jws`. Null once its content was removed; submitting the" +
      " same payload answers it still.",
  })
  async receipt(@Ctx() { app, actor }: Context, @Root() batch: Batch): Promise<string | null> {
    return batch.jti === null ? null : receiptOf(app, actor, batch);
  }

  @FieldResolver(() => String, {
    nullable: true,
    description:
      "The receipt encrypted for the batch's partner alone: compact JWE, `cty: quittance-receipt+jws`, another one" +
      " each time. Null where there is no receipt, or the partner has no key for that.",
  })
  async receiptJwe(
    @Ctx() { app, actor }: Context,
    @Root() batch: Batch,
    @Arg("keyId", () => ID, {
      nullable: true,
      description: "An encryption key of the batch's partner; the newest where none is named.",
    })
    keyId: string | null,
  ): Promise<string | null> {
    return encryptedReceipt(app, actor, batch, keyId);
  }

  @FieldResolver(() => InclusionProof, {
    nullable: true,
    description:
      "Proof that its acceptance is in the tenant's log; null until the log has taken it up, within seconds.",
  })
  inclusionProof(@Ctx() { app, actor }: Context, @Root() batch: Batch): Promise<InclusionProof | null> {
    return inclusionProofOf(app, actor, { type: ActType.BATCH_ACCEPTED, subjectId: batch.id });
  }

  @FieldResolver(() => [PeriodInclusionProof], {
    description:
      "Proofs that the statements of the closed periods it was posted into settle it; empty until one closes. Of at" +
      " most 20 batches in a request.",
  })
  periodProofs(@Ctx() { app, loaders }: Context, @Root() batch: Batch): Promise<PeriodInclusionProof[]> {
    return loaders.of("periodProofs", proofsInRequest(app)).load(batch);
  }

  @FieldResolver(() => OutcomeConnection, {
    description: "What became of its items, in input order; empty until it is posted.",
  })
  async outcomes(
    @Ctx() { app }: Context,
    @Root() batch: Batch,
    @Args(() => PageArgs) args: PageArgs,
  ): Promise<Connection<NumberedOutcome>> {
    const page = await outcomePage(app, batch, args);
    const total = batch.postedAt === null ? 0 : batch.itemCount;
    return connectionOf("outcomes", page, args.after, () => Promise.resolve(total));
  }
}
