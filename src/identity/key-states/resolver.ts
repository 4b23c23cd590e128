import { Arg, Authorized, Ctx, Field, Mutation, ObjectType, Resolver } from "type-graphql";
import type { Context } from "../../platform/graphql.js";
import { ClientKey } from "../entities.js";
import { ExpireKeyInput, ResumeKeyInput, SuspendKeyInput } from "./inputs.js";
import { expireKey, resumeKey, suspendKey } from "./service.js";

/** What `suspendKey` answers. */
@ObjectType({ description: "The key that was suspended." })
export class SuspendKeyPayload {
  @Field(() => ClientKey, { description: "The key; nothing is accepted from it until it is resumed." })
  readonly key!: ClientKey;
}

/** What `resumeKey` answers. */
@ObjectType({ description: "The key that was resumed." })
export class ResumeKeyPayload {
  @Field(() => ClientKey, { description: "The key; it may be used as before." })
  readonly key!: ClientKey;
}

/** What `expireKey` answers. */
@ObjectType({ description: "The key whose end was set." })
export class ExpireKeyPayload {
  @Field(() => ClientKey, { description: "The key, with its end." })
  readonly key!: ClientKey;
}

/** Keys that rest, and keys that end. */
@Resolver()
export class KeyStateResolver {
  @Authorized("keys:manage")
  @Mutation(() => SuspendKeyPayload, { description: "Suspend a key: it is refused everywhere until it is resumed." })
  async suspendKey(
    @Ctx() { app, actor }: Context,
    @Arg("input", () => SuspendKeyInput, { description: "The key, and why." })
    { idempotencyKey, ...change }: SuspendKeyInput,
  ): Promise<SuspendKeyPayload> {
    return { key: await suspendKey(app, actor, change, idempotencyKey) };
  }

  @Authorized("keys:manage")
  @Mutation(() => ResumeKeyPayload, { description: "Put a suspended key to use again." })
  async resumeKey(
    @Ctx() { app, actor }: Context,
    @Arg("input", () => ResumeKeyInput, { description: "The key, and why." })
    { idempotencyKey, ...change }: ResumeKeyInput,
  ): Promise<ResumeKeyPayload> {
    return { key: await resumeKey(app, actor, change, idempotencyKey) };
  }

  @Authorized("keys:manage")
  @Mutation(() => ExpireKeyPayload, { description: "Set the instant at which a key ends." })
  async expireKey(
    @Ctx() { app, actor }: Context,
    @Arg("input", () => ExpireKeyInput, { description: "The key, and its end." })
    { idempotencyKey, ...end }: ExpireKeyInput,
  ): Promise<ExpireKeyPayload> {
    return { key: await expireKey(app, actor, end, idempotencyKey) };
  }
}
