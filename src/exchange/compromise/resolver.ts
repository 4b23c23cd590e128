import { Args, Authorized, Ctx, FieldResolver, Resolver, Root } from "type-graphql";
import { ClientKey } from "../../identity/entities.js";
import { type Connection, type Context, connectionOf, connectionType } from "../../platform/graphql.js";
import { Batch } from "../entities.js";
import { SignedBatchesArgs } from "./inputs.js";
import { batchesSigned, countSigned } from "./service.js";

const SignedBatchConnection = connectionType("SignedBatch", Batch);

/** What a key signed. */
@Resolver(() => ClientKey)
export class SignedBatchesResolver {
  @Authorized("batches:read")
  @FieldResolver(() => SignedBatchConnection, {
    description:
      "The batches that it signed, newest first. Of a key revoked as `COMPROMISED`: those of state `POSTED` since the" +
      " instant are what somebody else may have posted; what was not posted is `QUARANTINED`.",
  })
  async batches(
    @Ctx() { app, actor }: Context,
    @Root() { kid }: ClientKey,
    @Args(() => SignedBatchesArgs) { since = null, state = null, ...page }: SignedBatchesArgs,
  ): Promise<Connection<Batch>> {
    const filter = { kid, since, state };
    const batches = await batchesSigned(app, actor, filter, page);
    return connectionOf("signed-batches", batches, page.after, () => countSigned(app, actor, filter));
  }
}
