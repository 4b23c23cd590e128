import { Arg, Authorized, Ctx, Field, ID, Int, Mutation, ObjectType, Resolver } from "type-graphql";
import type { Context } from "../../platform/graphql.js";
import { ClientKey } from "../entities.js";
import { RevokeAllKeysInput, RevokeKeyInput } from "./inputs.js";
import { revokeAllKeys, revokeKey } from "./service.js";

/** What `revokeKey` answers. */
@ObjectType({ description: "The key that was revoked." })
export class RevokeKeyPayload {
  @Field(() => ClientKey, { description: "The key; nothing new is accepted from it." })
  readonly key!: ClientKey;
}

/** Keys that were revoked together. */
@ObjectType({ description: "Keys that were revoked together." })
export class KeyRevocation {
  @Field(() => ID, { description: "Begins with `krv_`; the act of each key names it." })
  readonly id!: string;

  @Field(() => Int, { description: "How many keys were revoked, which had not been before." })
  readonly keyCount!: number;
}

/** What `revokeAllKeys` answers. */
@ObjectType({ description: "What an emergency came to." })
export class RevokeAllKeysPayload {
  @Field(() => KeyRevocation, { description: "The revocation of all of them." })
  readonly revocation!: KeyRevocation;
}

/** The end of keys that are no longer trusted. */
@Resolver()
export class KeyRevocationResolver {
  @Authorized("keys:manage")
  @Mutation(() => RevokeKeyPayload, { description: "Revoke a key: it neither authenticates nor signs any more." })
  async revokeKey(
    @Ctx() { app, actor }: Context,
    @Arg("input", () => RevokeKeyInput, { description: "The key, and why." })
    { idempotencyKey, ...revocation }: RevokeKeyInput,
  ): Promise<RevokeKeyPayload> {
    return { key: await revokeKey(app, actor, revocation, idempotencyKey) };
  }

  @Authorized("keys:manage")
  @Mutation(() => RevokeAllKeysPayload, {
    description: "Revoke every key of a client, a partner or the tenant at once.",
  })
  async revokeAllKeys(
    @Ctx() { app, actor }: Context,
    @Arg("input", () => RevokeAllKeysInput, { description: "Whose, and why." })
    { idempotencyKey, ...emergency }: RevokeAllKeysInput,
  ): Promise<RevokeAllKeysPayload> {
    return { revocation: await revokeAllKeys(app, actor, emergency, idempotencyKey) };
  }
}
