import { Arg, Authorized, Ctx, Field, FieldResolver, Mutation, ObjectType, Resolver, Root } from "type-graphql";
import type { Context } from "../../platform/graphql.js";
import { Client } from "../entities.js";
import { ClientPolicy } from "./entities.js";
import { SetClientPolicyInput } from "./inputs.js";
import { type Policy, policiesOf, setClientPolicy } from "./service.js";

/** What `setClientPolicy` answers. */
@ObjectType({ description: "The client whose policy was set." })
export class SetClientPolicyPayload {
  @Field(() => Client, { description: "The client." })
  readonly client!: Client;
}

/** What clients may ask. */
@Resolver(() => Client)
export class ClientPolicyResolver {
  @Authorized("clients:manage")
  @FieldResolver(() => ClientPolicy, { description: "What it may ask, where that is not what any client may." })
  async policy(@Root() client: Client, @Ctx() { app, actor, loaders }: Context): Promise<Policy> {
    return loaders.of("clientPolicies", (ids: readonly string[]) => policiesOf(app, actor, ids)).load(client.id);
  }

  @Authorized("clients:manage")
  @Mutation(() => SetClientPolicyPayload, {
    description: "Say how much a client may ask, and whether registered documents only; in force within five seconds.",
  })
  async setClientPolicy(
    @Ctx() { app, actor }: Context,
    @Arg("input", () => SetClientPolicyInput, { description: "The client, and what it may." })
    { idempotencyKey, clientId, ratePoints = null, trustedDocumentsOnly }: SetClientPolicyInput,
  ): Promise<SetClientPolicyPayload> {
    const input = { clientId, policy: { ratePoints, trustedDocumentsOnly } };
    return { client: await setClientPolicy(app, actor, input, idempotencyKey) };
  }
}
