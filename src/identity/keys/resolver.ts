import { Arg, Args, Authorized, Ctx, Field, ID, Mutation, ObjectType, Query, Resolver } from "type-graphql";
import { type Connection, type Context, connectionOf, connectionType } from "../../platform/graphql.js";
import { ClientKey } from "../entities.js";
import { registerKey } from "../registrations/service.js";
import { KeysArgs, RegisterKeyInput, RevokeKeyInput } from "./inputs.js";
import { countKeys, keyOf, keysOf, revokeKey } from "./service.js";

const KeyConnection = connectionType("ClientKey", ClientKey);

/** What `registerKey` answers. */
@ObjectType({ description: "The key that was registered." })
export class RegisterKeyPayload {
  @Field(() => ClientKey, { description: "The key; it may be used at once." })
  readonly key!: ClientKey;
}

/** What `revokeKey` answers. */
@ObjectType({ description: "The key that was revoked." })
export class RevokeKeyPayload {
  @Field(() => ClientKey, { description: "The key; nothing new is accepted from it." })
  readonly key!: ClientKey;
}

/** Clients' public keys. */
@Resolver()
export class KeyResolver {
  @Authorized("keys:manage")
  @Query(() => ClientKey, { description: "A key that the caller may see." })
  async key(
    @Ctx() { app, actor }: Context,
    @Arg("id", () => ID, { description: "Begins with `key_`." }) id: string,
  ): Promise<ClientKey> {
    return keyOf(app, actor, id);
  }

  @Authorized("keys:manage")
  @Query(() => KeyConnection, { description: "The keys that the caller may see, revoked ones too, oldest first." })
  async keys(
    @Ctx() { app, actor }: Context,
    @Args(() => KeysArgs) { clientId = null, ...page }: KeysArgs,
  ): Promise<Connection<ClientKey>> {
    const keys = await keysOf(app, actor, { clientId }, page);
    return connectionOf("keys", keys, page.after, () => countKeys(app, actor, { clientId }));
  }

  @Authorized("keys:manage")
  @Mutation(() => RegisterKeyPayload, { description: "Register one more key for a client; the others stay." })
  async registerKey(
    @Ctx() { app, actor }: Context,
    @Arg("input", () => RegisterKeyInput, { description: "The client and its public key." })
    { idempotencyKey, ...input }: RegisterKeyInput,
  ): Promise<RegisterKeyPayload> {
    return { key: await registerKey(app, actor, input, idempotencyKey) };
  }

  @Authorized("keys:manage")
  @Mutation(() => RevokeKeyPayload, { description: "Revoke a key: it neither authenticates nor signs any more." })
  async revokeKey(
    @Ctx() { app, actor }: Context,
    @Arg("input", () => RevokeKeyInput, { description: "The key, and why." })
    { idempotencyKey, keyId, reason }: RevokeKeyInput,
  ): Promise<RevokeKeyPayload> {
    return { key: await revokeKey(app, actor, { keyId, reason }, idempotencyKey) };
  }
}
