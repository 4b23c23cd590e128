import { Arg, Args, Authorized, Ctx, Field, Mutation, ObjectType, Query, Resolver } from "type-graphql";
import { PageArgs } from "../../platform/arguments.js";
import { type Connection, type Context, connectionOf, connectionType } from "../../platform/graphql.js";
import { EncryptionKey } from "./entities.js";
import { RotateEncryptionKeyInput } from "./inputs.js";
import { countEncryptionKeys, encryptionKeysOf, rotateEncryptionKey } from "./service.js";

const EncryptionKeyConnection = connectionType("EncryptionKey", EncryptionKey);

/** What `rotateEncryptionKey` answers. */
@ObjectType({ description: "The encryption key that was made." })
export class RotateEncryptionKeyPayload {
  @Field(() => EncryptionKey, { description: "The key to encrypt for from now on." })
  readonly encryptionKey!: EncryptionKey;
}

/** The tenant's encryption keys. */
@Resolver()
export class EncryptionKeyResolver {
  @Authorized("batches:submit", "keys:manage")
  @Query(() => EncryptionKeyConnection, {
    description: "The caller's tenant's encryption keys, oldest first: encrypt for one that is not retired.",
  })
  async encryptionKeys(
    @Ctx() { app, actor }: Context,
    @Args(() => PageArgs) args: PageArgs,
  ): Promise<Connection<EncryptionKey>> {
    const page = await encryptionKeysOf(app, actor, args);
    return connectionOf("encryptionKeys", page, args.after, () => countEncryptionKeys(app, actor));
  }

  @Authorized("keys:manage")
  @Mutation(() => RotateEncryptionKeyPayload, {
    description: "Make a new encryption key; the one before opens what is sent until its `opensUntil`.",
  })
  async rotateEncryptionKey(
    @Ctx() { app, actor }: Context,
    @Arg("input", () => RotateEncryptionKeyInput, { description: "Which kind of key." })
    { idempotencyKey, kind }: RotateEncryptionKeyInput,
  ): Promise<RotateEncryptionKeyPayload> {
    return { encryptionKey: await rotateEncryptionKey(app, actor, kind, idempotencyKey) };
  }
}
