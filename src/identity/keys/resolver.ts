import { Arg, Args, Authorized, Ctx, ID, Query, Resolver } from "type-graphql";
import { type Connection, type Context, connectionOf, connectionType } from "../../platform/graphql.js";
import { ClientKey } from "../entities.js";
import { KeysArgs } from "./inputs.js";
import { countKeys, keyOf, keysOf } from "./service.js";

const KeyConnection = connectionType("ClientKey", ClientKey);

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
    @Args(() => KeysArgs) { clientId = null, state = null, ...page }: KeysArgs,
  ): Promise<Connection<ClientKey>> {
    const keys = await keysOf(app, actor, { clientId, state }, page);
    return connectionOf("keys", keys, page.after, () => countKeys(app, actor, { clientId, state }));
  }
}
