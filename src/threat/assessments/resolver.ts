import {
  Arg,
  Args,
  Authorized,
  Ctx,
  Field,
  FieldResolver,
  ID,
  Int,
  Mutation,
  ObjectType,
  Query,
  Resolver,
  Root,
} from "type-graphql";
import { type Connection, type Context, connectionOf, connectionType } from "../../platform/graphql.js";
import { Partner } from "../../tenancy/entities.js";
import { partnersByNumber } from "../../tenancy/service.js";
import type { Contribution } from "../rules.js";
import { ThreatAssessment, ThreatContribution } from "./entities.js";
import { JudgeThreatAssessmentInput, ThreatAssessmentsArgs } from "./inputs.js";
import {
  contributionsOf,
  countThreatAssessments,
  judgeThreatAssessment,
  partnerToFilter,
  threatAssessmentOf,
  threatAssessmentsOf,
  thresholdPercentOf,
} from "./service.js";

const ThreatAssessmentConnection = connectionType("ThreatAssessment", ThreatAssessment);

/** The answer to `judgeThreatAssessment`. */
@ObjectType({ description: "The assessment with its judgement, and what that did." })
export class JudgeThreatAssessmentPayload {
  @Field(() => ThreatAssessment, { description: "The assessment." })
  readonly threatAssessment!: ThreatAssessment;

  @Field(() => Int, { description: "The partner's thresholds for such subjects now, in per cent of the rules'." })
  readonly thresholdPercent!: number;
}

/** Assessments: read and judge. */
@Resolver(() => ThreatAssessment)
export class ThreatAssessmentResolver {
  @Authorized("clients:manage", "audit:read")
  @Query(() => ThreatAssessment, { description: "An assessment by its id." })
  async threatAssessment(
    @Ctx() { app, actor }: Context,
    @Arg("id", () => ID, { description: "Begins with `asm_`." }) id: string,
  ): Promise<ThreatAssessment> {
    return threatAssessmentOf(app, actor, id);
  }

  @Authorized("clients:manage", "audit:read")
  @Query(() => ThreatAssessmentConnection, {
    description: "Assessments of the tenant's senders and their batches that ended in more than a pass, newest first.",
  })
  async threatAssessments(
    @Ctx() { app, actor }: Context,
    @Args(() => ThreatAssessmentsArgs) args: ThreatAssessmentsArgs,
  ): Promise<Connection<ThreatAssessment>> {
    const { partnerId = null, subject = null, verdict = null, open: isOpen } = args;
    const filter = { partner: await partnerToFilter(app, actor, partnerId), subject, verdict, isOpen };
    const page = await threatAssessmentsOf(app, actor, filter, args);
    return connectionOf("threat-assessments", page, args.after, () => countThreatAssessments(app, actor, filter));
  }

  @Authorized("clients:manage")
  @Mutation(() => JudgeThreatAssessmentPayload, {
    description: "Say whether a verdict was right; it moves the partner's thresholds a step, within the rules' bounds.",
  })
  async judgeThreatAssessment(
    @Ctx() { app, actor }: Context,
    @Arg("input", () => JudgeThreatAssessmentInput, { description: "The assessment, and what is said of it." })
    { idempotencyKey, ...input }: JudgeThreatAssessmentInput,
  ): Promise<JudgeThreatAssessmentPayload> {
    const threatAssessment = await judgeThreatAssessment(app, actor, input, idempotencyKey);
    return { threatAssessment, thresholdPercent: await thresholdPercentOf(app, threatAssessment) };
  }

  @FieldResolver(() => [ThreatContribution], { description: "The rules that gave points, the most first." })
  contributions(@Root() assessment: ThreatAssessment): Contribution[] {
    return contributionsOf(assessment);
  }

  @FieldResolver(() => Partner, { nullable: true, description: "The partner; null for a client of the tenant's own." })
  async partner(
    @Ctx() { app, actor, loaders }: Context,
    @Root() { partnerNo }: ThreatAssessment,
  ): Promise<Partner | null> {
    if (partnerNo === 0) return null;
    return loaders.of("partner", (numbers: readonly number[]) => partnersByNumber(app, actor, numbers)).load(partnerNo);
  }
}
