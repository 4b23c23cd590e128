import { GraphQLJSONObject } from "graphql-scalars";
import {
  Arg,
  Args,
  Authorized,
  Ctx,
  Field,
  FieldResolver,
  Mutation,
  ObjectType,
  Query,
  Resolver,
  Root,
} from "type-graphql";
import { PageArgs } from "../../platform/arguments.js";
import { type Connection, type Context, connectionOf, connectionType } from "../../platform/graphql.js";
import { ThreatRules } from "./entities.js";
import { ActivateThreatRulesInput, DraftThreatRulesInput } from "./inputs.js";
import { activateThreatRules, countThreatRules, draftThreatRules, rulesInForce, threatRulesPage } from "./service.js";

const ThreatRulesConnection = connectionType("ThreatRules", ThreatRules);

/** The answer to the mutations of threat rules. */
@ObjectType({ description: "The version as it stands now." })
export class ThreatRulesPayload {
  @Field(() => ThreatRules, { description: "The version." })
  readonly threatRules!: ThreatRules;
}

/** The rules by which the tenant's senders are judged now. */
@ObjectType({ description: "The rules by which the tenant's senders are judged now." })
export class ThreatRulesInForce {
  @Field(() => ThreatRules, { nullable: true, description: "The active version; null for a tenant that has none." })
  readonly threatRules!: ThreatRules | null;

  @Field(() => GraphQLJSONObject, {
    description: "Its document, or that by which tenants without rules of their own are judged: start from it.",
  })
  readonly document!: object;
}

/** Threat rules: draft, activate and read. */
@Resolver(() => ThreatRules)
export class ThreatRulesResolver {
  @Authorized("configs:draft")
  @Mutation(() => ThreatRulesPayload, { description: "Draft a new version of the tenant's threat rules." })
  async draftThreatRules(
    @Ctx() { app, actor }: Context,
    @Arg("input", () => DraftThreatRulesInput, { description: "The document." })
    { document, idempotencyKey }: DraftThreatRulesInput,
  ): Promise<ThreatRulesPayload> {
    return { threatRules: await draftThreatRules(app, actor, document, idempotencyKey) };
  }

  @Authorized("configs:approve")
  @Mutation(() => ThreatRulesPayload, {
    description: "Put a draft of threat rules in force, within seconds everywhere; another person drafted it.",
  })
  async activateThreatRules(
    @Ctx() { app, actor }: Context,
    @Arg("input", () => ActivateThreatRulesInput, { description: "The draft." })
    { threatRulesId, idempotencyKey }: ActivateThreatRulesInput,
  ): Promise<ThreatRulesPayload> {
    return { threatRules: await activateThreatRules(app, actor, threatRulesId, idempotencyKey) };
  }

  @Authorized("configs:draft", "configs:approve", "audit:read")
  @Query(() => ThreatRulesConnection, { description: "The versions of the tenant's threat rules, newest first." })
  async threatRules(
    @Ctx() { app, actor }: Context,
    @Args(() => PageArgs) args: PageArgs,
  ): Promise<Connection<ThreatRules>> {
    const page = await threatRulesPage(app, actor, args);
    return connectionOf("threat-rules", page, args.after, () => countThreatRules(app, actor));
  }

  @Authorized("configs:draft", "configs:approve", "audit:read")
  @Query(() => ThreatRulesInForce, { description: "The rules by which the tenant's senders are judged now." })
  threatRulesInForce(@Ctx() { app, actor }: Context): Promise<ThreatRulesInForce> {
    return rulesInForce(app, actor);
  }

  @FieldResolver(() => GraphQLJSONObject, { description: "The document, as `schema/threat-rules.schema.json` says." })
  document(@Root() { document }: ThreatRules): object {
    return JSON.parse(document);
  }

  @FieldResolver(() => String, { description: "SHA-256 of the document's canonical JSON (RFC 8785), in hexadecimal." })
  documentSha256(@Root() { documentSha256 }: ThreatRules): string {
    return documentSha256.toString("hex");
  }
}
