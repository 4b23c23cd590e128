import { Authorized, Ctx, Field, FieldResolver, ID, ObjectType, Query, Resolver, Root } from "type-graphql";
import { type Actor, PrincipalKind } from "../../kernel/actor.js";
import { present } from "../../kernel/assert.js";
import { isId } from "../../kernel/ids.js";
import type { Context } from "../../platform/graphql.js";
import { Partner, Tenant } from "../../tenancy/entities.js";
import { partnerOf, tenantOf } from "../../tenancy/service.js";
import { ClientKind } from "../entities.js";
import { User } from "../users/entities.js";
import { userOf } from "../users/service.js";

/** The caller, as its access token or session says. */
@ObjectType({ description: "Who the caller is, as its access token or session says." })
export class Viewer {
  @Field(() => ID, { description: "What acts and logs name: a client's id, or a person's." })
  readonly principalId!: string;

  @Field(() => ID, { description: "The same.", deprecationReason: "People have none: ask for `principalId`." })
  readonly clientId!: string;

  @Field(() => ClientKind, { description: "On whose behalf it acts." })
  readonly kind!: ClientKind;

  @Field(() => [String], { description: "The scopes it may use now." })
  readonly scopes!: readonly string[];

  @Field(() => Date, {
    nullable: true,
    description: "When the access token or session ends, and subscriptions with it.",
  })
  readonly expiresAt!: Date | null;
}

/** Who am I. */
@Resolver(() => Viewer)
export class ViewerResolver {
  @Authorized()
  @Query(() => Viewer, { description: "Who the caller is; needs an access token or a session, but no scope." })
  viewer(@Ctx() { actor }: Context): Viewer {
    return viewerOf(actor);
  }

  @Authorized()
  @FieldResolver(() => Tenant, { description: "The tenant it belongs to." })
  async tenant(@Root() _viewer: Viewer, @Ctx() { app, actor }: Context): Promise<Tenant> {
    return tenantOf(app, actor.tenantId);
  }

  @Authorized()
  @FieldResolver(() => Partner, { nullable: true, description: "The partner it acts for; null for the tenant's own." })
  async partner(@Root() _viewer: Viewer, @Ctx() { app, actor }: Context): Promise<Partner | null> {
    return actor.partnerId === null ? null : partnerOf(app, actor, actor.partnerId);
  }

  @Authorized()
  @FieldResolver(() => User, { nullable: true, description: "The person, with the sessions; null for a client." })
  async user(@Root() { principalId }: Viewer, @Ctx() { app, actor }: Context): Promise<User | null> {
    return isId(principalId, "usr") ? userOf(app, actor, principalId) : null;
  }
}

const KINDS: Partial<Readonly<Record<PrincipalKind, ClientKind>>> = {
  [PrincipalKind.PARTNER]: ClientKind.PARTNER,
  [PrincipalKind.TENANT]: ClientKind.TENANT,
  [PrincipalKind.OPERATOR]: ClientKind.OPERATOR,
};

function viewerOf({ kind, principalId, scopes, expiresAt }: Actor): Viewer {
  const clientKind = present(KINDS[kind], "the kind of client behind a token");
  return { principalId, clientId: principalId, kind: clientKind, scopes: [...scopes], expiresAt };
}
