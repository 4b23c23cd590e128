import { Arg, Args, Authorized, Ctx, Field, ID, Mutation, ObjectType, Query, Resolver } from "type-graphql";
import { PageArgs } from "../platform/arguments.js";
import { type Connection, type Context, connectionOf, connectionType } from "../platform/graphql.js";
import { Partner, Tenant } from "./entities.js";
import { CreatePartnerInput, CreateTenantInput } from "./inputs.js";
import { countPartners, createPartner, createTenant, partnerOf, partnersOf, tenantOf } from "./service.js";

/** Any of these lets its holder know whom it works with. */
const READERS = ["batches:read", "balances:read", "settlements:read", "clients:manage", "configs:draft"];

const PartnerConnection = connectionType("Partner", Partner);

/** What `createTenant` answers. */
@ObjectType({ description: "The tenant that was created." })
export class CreateTenantPayload {
  @Field(() => Tenant, { description: "The new tenant; give it a client with `createClient`." })
  readonly tenant!: Tenant;
}

/** What `createPartner` answers. */
@ObjectType({ description: "The partner that was created." })
export class CreatePartnerPayload {
  @Field(() => Partner, { description: "The new partner; it settles once a configuration is active." })
  readonly partner!: Partner;
}

/** Tenants and partners. */
@Resolver()
export class TenancyResolver {
  @Authorized(...READERS)
  @Query(() => Tenant, { description: "The caller's own tenant." })
  async tenant(@Ctx() { app, actor }: Context): Promise<Tenant> {
    return tenantOf(app, actor.tenantId);
  }

  @Authorized(...READERS)
  @Query(() => Partner, { description: "A partner that the caller may see: for a partner's own client, itself alone." })
  async partner(
    @Ctx() { app, actor }: Context,
    @Arg("id", () => ID, { description: "Begins with `ptn_`." }) id: string,
  ): Promise<Partner> {
    return partnerOf(app, actor, id);
  }

  @Authorized(...READERS)
  @Query(() => PartnerConnection, { description: "The partners that the caller may see, oldest first." })
  async partners(@Ctx() { app, actor }: Context, @Args(() => PageArgs) args: PageArgs): Promise<Connection<Partner>> {
    const page = await partnersOf(app, actor, args);
    return connectionOf("partners", page, args.after, () => countPartners(app, actor));
  }

  @Authorized("operations:manage")
  @Mutation(() => CreateTenantPayload, { description: "Create a tenant; for the platform's operators." })
  async createTenant(
    @Ctx() { app, actor }: Context,
    @Arg("input", () => CreateTenantInput, { description: "What it is called." }) input: CreateTenantInput,
  ): Promise<CreateTenantPayload> {
    return { tenant: await createTenant(app, actor, input.name, input.idempotencyKey) };
  }

  @Authorized("clients:manage")
  @Mutation(() => CreatePartnerPayload, { description: "Create a partner of the caller's tenant." })
  async createPartner(
    @Ctx() { app, actor }: Context,
    @Arg("input", () => CreatePartnerInput, { description: "Who it is and how it settles." })
    { idempotencyKey, ...partner }: CreatePartnerInput,
  ): Promise<CreatePartnerPayload> {
    return { partner: await createPartner(app, actor, partner, idempotencyKey) };
  }
}
