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
  type SubscribeResolverData,
  Subscription,
} from "type-graphql";
import { PageArgs } from "../../platform/arguments.js";
import { type Connection, type Context, connectionOf, connectionType } from "../../platform/graphql.js";
import { Partner } from "../../tenancy/entities.js";
import { partnersByNumber } from "../../tenancy/service.js";
import { cancelSettlementRun, startSettlementRun } from "../flows/jobs.js";
import { type RunProgress, watchRun } from "../run-progress/service.js";
import { SettlementRun, SettlementRunPartner } from "./entities.js";
import { CancelSettlementRunInput, RunPartnersArgs, StartSettlementRunInput } from "./inputs.js";
import { countRuns, type RunCounts, runCounts, runOf, runPartnersOf, runsOf } from "./service.js";

const RunConnection = connectionType("SettlementRun", SettlementRun);
const RunPartnerConnection = connectionType("SettlementRunPartner", SettlementRunPartner);

/** How many partners of a run stand where. */
@ObjectType("SettlementRunCounts", { description: "How many partners of a run stand where." })
class SettlementRunCounts implements RunCounts {
  @Field(() => Int, { name: "waiting", description: "Nobody has begun with them." })
  readonly WAITING!: number;

  @Field(() => Int, { name: "running", description: "Somebody is at work." })
  readonly RUNNING!: number;

  @Field(() => Int, { name: "succeeded", description: "Settled." })
  readonly SUCCEEDED!: number;

  @Field(() => Int, { name: "failed", description: "Refused with a reason." })
  readonly FAILED!: number;

  @Field(() => Int, { name: "cancelled", description: "Not done with when the run was stopped." })
  readonly CANCELLED!: number;
}

/** The answer to every mutation of a run. */
@ObjectType({ description: "The run as it stands now." })
export class SettlementRunPayload {
  @Field(() => SettlementRun, { description: "The run." })
  readonly run!: SettlementRun;
}

/** Settlement runs: start, stop, watch. */
@Resolver(() => SettlementRun)
export class SettlementRunResolver {
  @Authorized("settlements:manage")
  @Mutation(() => SettlementRunPayload, {
    description: "Settle many partners, each by itself: one that is refused holds up no other.",
  })
  async startSettlementRun(
    @Ctx() { app, actor }: Context,
    @Arg("input", () => StartSettlementRunInput, { description: "Whom, and how far." })
    { idempotencyKey, partnerIds = null, through }: StartSettlementRunInput,
  ): Promise<SettlementRunPayload> {
    return { run: await startSettlementRun(app, actor, { partnerIds, through }, idempotencyKey) };
  }

  @Authorized("settlements:manage")
  @Mutation(() => SettlementRunPayload, {
    description: "Stop a run before its next stage; what it has settled stays settled.",
  })
  async cancelSettlementRun(
    @Ctx() { app, actor }: Context,
    @Arg("input", () => CancelSettlementRunInput, { description: "The run, and why." })
    { idempotencyKey, runId, reason = null }: CancelSettlementRunInput,
  ): Promise<SettlementRunPayload> {
    return { run: await cancelSettlementRun(app, actor, { runId, reason }, idempotencyKey) };
  }

  @Authorized("settlements:manage")
  @Query(() => SettlementRun, { description: "A settlement run by its id." })
  async settlementRun(
    @Ctx() { app, actor }: Context,
    @Arg("id", () => ID, { description: "Begins with `run_`." }) id: string,
  ): Promise<SettlementRun> {
    return runOf(app, actor, id);
  }

  @Authorized("settlements:manage")
  @Query(() => RunConnection, { description: "The tenant's settlement runs, newest first." })
  async settlementRuns(
    @Ctx() { app, actor }: Context,
    @Args(() => PageArgs) args: PageArgs,
  ): Promise<Connection<SettlementRun>> {
    return connectionOf("runs", await runsOf(app, actor, args), args.after, () => countRuns(app, actor));
  }

  @Authorized("settlements:manage")
  @Subscription(() => SettlementRun, {
    description: "A run as it stands: at once, whenever something moved, and when it has ended.",
    subscribe: ({ args, context }: SubscribeResolverData<unknown, { id: string }, Context>) =>
      watchRun(context.app, context.actor, args.id),
  })
  settlementRunProgress(
    @Root() { run }: RunProgress,
    @Arg("id", () => ID, { description: "Begins with `run_`." }) _id: string,
  ): SettlementRun {
    return run;
  }

  @FieldResolver(() => SettlementRunCounts, { description: "How many of its partners stand where." })
  counts(@Ctx() { app }: Context, @Root() run: SettlementRun): Promise<RunCounts> {
    return runCounts(app, run);
  }

  @FieldResolver(() => RunPartnerConnection, { description: "Its partners; all, or those in one state." })
  async partners(
    @Ctx() { app }: Context,
    @Root() run: SettlementRun,
    @Args(() => RunPartnersArgs) args: RunPartnersArgs,
  ): Promise<Connection<SettlementRunPartner>> {
    const state = args.state ?? null;
    const page = await runPartnersOf(app, run, state, args);
    const total = async () => {
      const counts = await runCounts(app, run);
      return state === null ? Object.values(counts).reduce((sum, count) => sum + count, 0) : counts[state];
    };
    return connectionOf("runPartners", page, args.after, total);
  }
}

/** The partners of a run. */
@Resolver(() => SettlementRunPartner)
export class SettlementRunPartnerResolver {
  @FieldResolver(() => Partner, { description: "The partner." })
  partner(@Ctx() { app, actor, loaders }: Context, @Root() { partnerNo }: SettlementRunPartner): Promise<Partner> {
    return loaders.of("partner", (numbers: readonly number[]) => partnersByNumber(app, actor, numbers)).load(partnerNo);
  }
}
