import {
  Arg,
  Args,
  Authorized,
  Ctx,
  FieldResolver,
  Float,
  Query,
  Resolver,
  Root,
  registerEnumType,
} from "type-graphql";
import { ActType } from "../../acts/entities.js";
import { meaningOf } from "../../acts/service.js";
import { PrincipalKind } from "../../kernel/actor.js";
import { type Connection, type Context, connectionOf, connectionType } from "../../platform/graphql.js";
import { Partner } from "../../tenancy/entities.js";
import { partnersByNumber } from "../../tenancy/service.js";
import { InclusionProof } from "../../transparency/entities.js";
import { inclusionProofAt } from "../../transparency/proving/service.js";
import { AuditAct } from "./entities.js";
import { type ActFilterInput, ActsArgs } from "./inputs.js";
import { type ActFilter, actOf, actsOf, countActs } from "./service.js";

registerEnumType(ActType, {
  name: "ActType",
  description: "What can happen; a closed list.",
  valuesConfig: Object.fromEntries(Object.values(ActType).map((type) => [type, { description: meaningOf(type) }])),
});

registerEnumType(PrincipalKind, {
  name: "PrincipalKind",
  description: "Who did something.",
  valuesConfig: {
    PARTNER: { description: "A partner's client." },
    TENANT: { description: "The tenant's own people and clients." },
    OPERATOR: { description: "The platform's operator, through the API." },
    OPERATOR_SHELL: { description: "The operator at the server's own shell." },
    SYSTEM: { description: "Quittance itself: schedules and queues." },
  },
});

const ActConnection = connectionType("Act", AuditAct);

/** The audit trail: search and read. */
@Resolver(() => AuditAct)
export class AuditResolver {
  @Authorized("audit:read")
  @Query(() => ActConnection, {
    description:
      "What happened in the tenant, newest first, once it is in the log. A page looks at 20,000 acts at most: it may" +
      " have fewer rows than asked for, and still say that more follow. `totalCount` counts to 10,000.",
  })
  async acts(
    @Ctx() { app, actor }: Context,
    @Args(() => ActsArgs) { filter, ...page }: ActsArgs,
  ): Promise<Connection<AuditAct>> {
    const wanted = filterOf(filter ?? {});
    return connectionOf("acts", await actsOf(app, actor, wanted, page), page.after, () =>
      countActs(app, actor, wanted),
    );
  }

  @Authorized("audit:read")
  @Query(() => AuditAct, { description: "An act by its index in the tenant's log." })
  async act(
    @Ctx() { app, actor }: Context,
    @Arg("index", () => Float, { description: "The index, from 0; a whole number." }) index: number,
  ): Promise<AuditAct> {
    return actOf(app, actor, index);
  }

  @FieldResolver(() => Partner, { nullable: true, description: "The partner it is about; null where of no one." })
  async partner(@Ctx() { app, actor, loaders }: Context, @Root() { partnerNo }: AuditAct): Promise<Partner | null> {
    if (partnerNo === 0) return null;
    return loaders.of("partner", (numbers: readonly number[]) => partnersByNumber(app, actor, numbers)).load(partnerNo);
  }

  @FieldResolver(() => InclusionProof, {
    nullable: true,
    description: "That it is in the log of the newest checkpoint; null until a checkpoint covers it.",
  })
  async inclusionProof(@Ctx() { app, actor }: Context, @Root() { index }: AuditAct): Promise<InclusionProof | null> {
    return inclusionProofAt(app, actor, index);
  }
}

function filterOf(filter: ActFilterInput): ActFilter {
  const { types, subject, partnerId, principal, requestId, address, from, before } = filter;
  return {
    ...{ types: types ?? [], subject: subject ?? null, partnerId: partnerId ?? null, principal: principal ?? null },
    ...{ requestId: requestId ?? null, address: address ?? null, from: from ?? null, before: before ?? null },
  };
}
