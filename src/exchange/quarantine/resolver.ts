import {
  Arg,
  Args,
  Authorized,
  Ctx,
  Field,
  FieldResolver,
  Mutation,
  ObjectType,
  Query,
  Resolver,
  Root,
} from "type-graphql";
import { type Connection, type Context, connectionOf, connectionType } from "../../platform/graphql.js";
import { partnerOf } from "../../tenancy/service.js";
import { ThreatAssessment } from "../../threat/assessments/entities.js";
import { assessmentsBySubject } from "../../threat/assessments/service.js";
import { batchOf } from "../batches/service.js";
import { Batch } from "../entities.js";
import { BatchQuarantine } from "./entities.js";
import { QuarantinedBatchesArgs, RejectQuarantinedBatchInput, ReleaseQuarantinedBatchInput } from "./inputs.js";
import { countQuarantines, quarantinesById, quarantinesOf, rejectQuarantined, releaseQuarantined } from "./service.js";

const BatchQuarantineConnection = connectionType("BatchQuarantine", BatchQuarantine);

/** The answer to a decision on a quarantined batch. */
@ObjectType({ description: "The batch as it stands now." })
export class QuarantinedBatchPayload {
  @Field(() => Batch, { description: "The batch." })
  readonly batch!: Batch;
}

/** Quarantined batches: list, release, reject. */
@Resolver(() => BatchQuarantine)
export class BatchQuarantineResolver {
  @Authorized("settlements:manage", "audit:read")
  @Query(() => BatchQuarantineConnection, { description: "The tenant's quarantined batches, newest first." })
  async quarantinedBatches(
    @Ctx() { app, actor }: Context,
    @Args(() => QuarantinedBatchesArgs) { partnerId = null, open: isOpen, ...page }: QuarantinedBatchesArgs,
  ): Promise<Connection<BatchQuarantine>> {
    const filter = { partner: partnerId === null ? null : await partnerOf(app, actor, partnerId), isOpen };
    const found = await quarantinesOf(app, actor, filter, page);
    return connectionOf("quarantined-batches", found, page.after, () => countQuarantines(app, actor, filter));
  }

  @Authorized("settlements:manage")
  @Mutation(() => QuarantinedBatchPayload, {
    description: "Release a quarantined batch: it posts now, late where its period is closed.",
  })
  async releaseQuarantinedBatch(
    @Ctx() { app, actor }: Context,
    @Arg("input", () => ReleaseQuarantinedBatchInput, { description: "The batch, and why." })
    { idempotencyKey, ...input }: ReleaseQuarantinedBatchInput,
  ): Promise<QuarantinedBatchPayload> {
    return { batch: await releaseQuarantined(app, actor, input, idempotencyKey) };
  }

  @Authorized("settlements:manage")
  @Mutation(() => QuarantinedBatchPayload, {
    description: "Reject a quarantined batch for good: it never posts, and its ids may be sent again.",
  })
  async rejectQuarantinedBatch(
    @Ctx() { app, actor }: Context,
    @Arg("input", () => RejectQuarantinedBatchInput, { description: "The batch, and why." })
    { idempotencyKey, ...input }: RejectQuarantinedBatchInput,
  ): Promise<QuarantinedBatchPayload> {
    return { batch: await rejectQuarantined(app, actor, input, idempotencyKey) };
  }

  @FieldResolver(() => Batch, { description: "The batch as it stands now." })
  batch(@Ctx() { app, actor }: Context, @Root() { batchId }: BatchQuarantine): Promise<Batch> {
    return batchOf(app, actor, batchId, null);
  }

  @FieldResolver(() => String, {
    nullable: true,
    description: "Who decided: a client's id, or `shell`; for the tenant's own people alone.",
  })
  decidedBy(@Ctx() { actor }: Context, @Root() { decidedBy }: BatchQuarantine): string | null {
    return actor.partnerId === null ? decidedBy : null;
  }

  @FieldResolver(() => [ThreatAssessment], {
    description: "What threat detection says of the batch; for the tenant's own people alone.",
  })
  async assessments(
    @Ctx() { app, actor, loaders }: Context,
    @Root() { batchId }: BatchQuarantine,
  ): Promise<ThreatAssessment[]> {
    if (actor.partnerId !== null) return [];
    return loaders.of("assessments", (ids: readonly string[]) => assessmentsBySubject(app, actor, ids)).load(batchId);
  }
}

/** What a batch shows of its quarantine. */
@Resolver(() => Batch)
export class QuarantineOfBatchResolver {
  @FieldResolver(() => BatchQuarantine, {
    nullable: true,
    description: "Why it was quarantined, and what was decided; null for a batch that never was.",
  })
  async quarantine(@Ctx() { app, actor, loaders }: Context, @Root() { id }: Batch): Promise<BatchQuarantine | null> {
    return loaders.of("quarantine", (ids: readonly string[]) => quarantinesById(app, actor, ids)).load(id);
  }
}
