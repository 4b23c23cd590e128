import { Arg, Authorized, Ctx, Field, FieldResolver, Float, ObjectType, Query, Resolver, Root } from "type-graphql";
import type { Context } from "../platform/graphql.js";
import { anchorsOf } from "./anchors/service.js";
import { Checkpoint, ConsistencyProof, LogAnchor } from "./entities.js";
import { logSigner } from "./keys/service.js";
import { consistencyProofOf } from "./proving/service.js";
import { shownCheckpoint } from "./reading/service.js";

/** A tenant's log as its readers know it. */
@ObjectType("TransparencyLog", { description: "The tenant's log: every act is a leaf of its Merkle tree (RFC 6962)." })
export class TransparencyLog {
  @Field(() => String, { description: "What its checkpoints begin with, and the name of the key that signs them." })
  readonly origin!: string;

  @Field(() => String, {
    description: "Key to pin for its checkpoints (C2SP signed-note, `vkey`); it stays when other keys are rotated.",
  })
  readonly verifierKey!: string;

  @Field(() => String, { description: "Prefix of `checkpoint` and `tile/…` over HTTP (C2SP tlog-tiles)." })
  readonly url!: string;
}

/** The caller's own tenant's log. */
@Resolver(() => TransparencyLog)
export class LogResolver {
  @Authorized("audit:read", "batches:read", "settlements:read")
  @Query(() => TransparencyLog, { description: "The log of the caller's tenant." })
  async log(@Ctx() { app, actor }: Context): Promise<TransparencyLog> {
    const { name: origin, verifierKey } = await logSigner(app, actor);
    return { origin, verifierKey, url: `${app.config.publicUrl}/log/${actor.tenantId}` };
  }

  @FieldResolver(() => Checkpoint, { nullable: true, description: "The newest one; null before the first is signed." })
  async checkpoint(@Ctx() { app, actor }: Context): Promise<Checkpoint | null> {
    const shown = await shownCheckpoint(app, actor.tenantNo);
    return shown === null ? null : { ...shown, root: shown.root.toString("base64") };
  }

  @FieldResolver(() => ConsistencyProof, { description: "That the tree of one size is the beginning of another's." })
  consistencyProof(
    @Ctx() { app, actor }: Context,
    @Root() _log: TransparencyLog,
    @Arg("from", () => Float, { description: "Leaves of the smaller tree; a whole number." }) from: number,
    @Arg("to", () => Float, {
      nullable: true,
      description: "Leaves of the larger tree; those of the newest checkpoint where it is left out.",
    })
    to: number | null,
  ): Promise<ConsistencyProof> {
    return consistencyProofOf(app, actor, { from, to });
  }

  @FieldResolver(() => [LogAnchor], { description: "Who holds it to its word outside the database." })
  anchors(@Ctx() { app, actor }: Context): Promise<LogAnchor[]> {
    return anchorsOf(app, actor.tenantNo);
  }
}
