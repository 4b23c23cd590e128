import { Arg, Authorized, Ctx, Field, FieldResolver, Mutation, ObjectType, Resolver, Root } from "type-graphql";
import type { Context } from "../../platform/graphql.js";
import { Partner } from "../../tenancy/entities.js";
import { partnerNamedOrOwn } from "../../tenancy/service.js";
import { DemandEncryptionInput } from "./inputs.js";
import { demandEncryption, demandsOf } from "./service.js";

/** What `demandEncryption` answers. */
@ObjectType({ description: "The partner whose batches must, or need not, come encrypted." })
export class DemandEncryptionPayload {
  @Field(() => Partner, { description: "The partner; the demand is in force within two seconds." })
  readonly partner!: Partner;
}

/** Whether partners' batches must come encrypted. */
@Resolver(() => Partner)
export class EncryptionDemandResolver {
  @Authorized("batches:submit", "keys:manage")
  @Mutation(() => DemandEncryptionPayload, {
    description: "Demand that a partner's batches come encrypted; signed alone they are refused from then on.",
  })
  async demandEncryption(
    @Ctx() { app, actor }: Context,
    @Arg("input", () => DemandEncryptionInput, { description: "Whose batches, and whether." })
    { idempotencyKey, partnerId = null, encryptedOnly }: DemandEncryptionInput,
  ): Promise<DemandEncryptionPayload> {
    const partner = await partnerNamedOrOwn(app, actor, partnerId);
    await demandEncryption(app, actor, { partner, encryptedOnly }, idempotencyKey);
    return { partner };
  }

  @FieldResolver(() => Boolean, { description: "Whether what it signs is taken encrypted only." })
  encryptedOnly(@Ctx() { app, actor, loaders }: Context, @Root() partner: Partner): Promise<boolean> {
    return loaders.of("encryptedOnly", (ids: readonly string[]) => demandsOf(app, actor, ids)).load(partner.id);
  }
}
