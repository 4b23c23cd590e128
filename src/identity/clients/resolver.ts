import {
  Arg,
  Args,
  Authorized,
  Ctx,
  Field,
  FieldResolver,
  ID,
  Mutation,
  ObjectType,
  Query,
  Resolver,
  Root,
} from "type-graphql";
import { type Connection, type Context, connectionOf, connectionType } from "../../platform/graphql.js";
import { Client, ClientKey } from "../entities.js";
import { keysByClient } from "../keys/service.js";
import { clientOf } from "../service.js";
import { ClientsArgs, CreateClientInput, UpdateClientInput } from "./inputs.js";
import { actorInTenant, clientsOf, countClients, createClient, updateClient } from "./service.js";

const ClientConnection = connectionType("Client", Client);

/** What `createClient` answers. */
@ObjectType({ description: "The client that was created." })
export class CreateClientPayload {
  @Field(() => Client, { description: "The new client; its `id` is the `client_id` of OAuth." })
  readonly client!: Client;

  @Field(() => [ClientKey], { description: "Its keys, as they were registered." })
  readonly keys!: readonly ClientKey[];
}

/** What `updateClient` answers. */
@ObjectType({ description: "The client as it is now." })
export class UpdateClientPayload {
  @Field(() => Client, { description: "The client." })
  readonly client!: Client;
}

/** OAuth clients. */
@Resolver(() => Client)
export class ClientResolver {
  @Authorized("clients:manage")
  @Query(() => Client, { description: "A client that the caller may see." })
  async client(
    @Ctx() { app, actor }: Context,
    @Arg("id", () => ID, { description: "Begins with `cli_`." }) id: string,
  ): Promise<Client> {
    return clientOf(app, actor, id);
  }

  @Authorized("clients:manage")
  @Query(() => ClientConnection, { description: "The clients that the caller may see, oldest first." })
  async clients(
    @Ctx() { app, actor }: Context,
    @Args(() => ClientsArgs) { partnerId = null, ...page }: ClientsArgs,
  ): Promise<Connection<Client>> {
    const clients = await clientsOf(app, actor, { partnerId }, page);
    return connectionOf("clients", clients, page.after, () => countClients(app, actor, { partnerId }));
  }

  @Authorized("clients:manage", "keys:manage")
  @FieldResolver(() => [ClientKey], { description: "Its public keys, revoked ones too, oldest first." })
  async keys(@Root() client: Client, @Ctx() { app, actor, loaders }: Context): Promise<ClientKey[]> {
    return loaders.of("keysByClient", (ids: readonly string[]) => keysByClient(app, actor, ids)).load(client.id);
  }

  @Authorized("clients:manage")
  @Mutation(() => CreateClientPayload, {
    description: "Create a client with its public keys, which a second person approves.",
  })
  async createClient(
    @Ctx() { app, actor }: Context,
    @Arg("input", () => CreateClientInput, { description: "Whom it acts for, and what it may do." })
    { idempotencyKey, tenantId = null, partnerId = null, ...input }: CreateClientInput,
  ): Promise<CreateClientPayload> {
    const { name, scopes, jwks, proofs, dpopBoundAccessTokens } = input;
    const author = await actorInTenant(app, actor, tenantId);
    const asked = {
      partnerId,
      name,
      scopes,
      jwks,
      proofs,
      ...(dpopBoundAccessTokens ? { dpopBoundAccessTokens } : {}),
    };
    const client = await createClient(app, author, asked, idempotencyKey);
    const [keys = []] = await keysByClient(app, author, [client.id]);
    return { client, keys };
  }

  @Authorized("clients:manage")
  @Mutation(() => UpdateClientPayload, { description: "Change how a client gets its access tokens." })
  async updateClient(
    @Ctx() { app, actor }: Context,
    @Arg("input", () => UpdateClientInput, { description: "The client, and how it is to be." })
    { idempotencyKey, clientId, dpopBoundAccessTokens }: UpdateClientInput,
  ): Promise<UpdateClientPayload> {
    return { client: await updateClient(app, actor, { clientId, dpopBoundAccessTokens }, idempotencyKey) };
  }
}
