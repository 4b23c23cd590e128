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
import { countPeriods, periodsOf } from "../../periods/closing/service.js";
import { SettlementPeriod } from "../../periods/entities.js";
import { type Connection, type Context, connectionOf, connectionType, Money } from "../../platform/graphql.js";
import { Partner } from "../../tenancy/entities.js";
import { partnerNamedOrOwn, partnersByNumber } from "../../tenancy/service.js";
import { configurationsById } from "../configurations/service.js";
import { Configuration, Statement } from "../entities.js";
import { SettlementIncident } from "../incidents/entities.js";
import { incidentsByPeriod } from "../incidents/service.js";
import { statementsByPeriod } from "../statements/service.js";
import { stepsLeft } from "../steps/rules.js";
import { ClosePeriodInput, PeriodsArgs } from "./inputs.js";
import { closePeriod, periodSeenBy, totalsOf } from "./service.js";

const PeriodConnection = connectionType("SettlementPeriod", SettlementPeriod);

/** The answer to `closePeriod`. */
@ObjectType({ description: "The period as it stands now, with its statements." })
export class ClosePeriodPayload {
  @Field(() => SettlementPeriod, { description: "The period." })
  readonly period!: SettlementPeriod;
}

/** What was posted into a period, of one kind and currency. */
@ObjectType({ description: "What was posted into a period, of one kind and in one currency." })
export class PeriodTotal {
  @Field(() => String, { description: "A kind of transaction; rolled-back ones as `ROLLBACK_` and the kind." })
  readonly kind!: string;

  @Field(() => String, { nullable: true, description: "A fee's category; null for the other kinds." })
  readonly category!: string | null;

  @Field(() => Boolean, { description: "Whether they happened in an earlier period, which was closed by then." })
  readonly isLate!: boolean;

  @Field(() => String, { description: "How many transactions: a whole number." })
  readonly count!: string;

  @Field(() => String, { description: "Sum of their units, for acquisitions and fees per unit: a whole number." })
  readonly units!: string;

  @Field(() => Money, { description: "Sum of their amounts." })
  readonly sum!: Money;
}

/** Settlement periods: close and read. */
@Resolver(() => SettlementPeriod)
export class SettlementPeriodResolver {
  @Authorized("settlements:manage")
  @Mutation(() => ClosePeriodPayload, { description: "Close a period now and issue its statements." })
  async closePeriod(
    @Ctx() { app, actor }: Context,
    @Arg("input", () => ClosePeriodInput, { description: "The period." })
    { periodId, idempotencyKey }: ClosePeriodInput,
  ): Promise<ClosePeriodPayload> {
    return { period: await closePeriod(app, actor, periodId, idempotencyKey) };
  }

  @Authorized("settlements:read")
  @Query(() => SettlementPeriod, { description: "A settlement period by its id." })
  async settlementPeriod(
    @Ctx() { app, actor }: Context,
    @Arg("id", () => ID, { description: "Begins with `prd_`." }) id: string,
  ): Promise<SettlementPeriod> {
    return periodSeenBy(app, actor, id);
  }

  @Authorized("settlements:read")
  @Query(() => PeriodConnection, { description: "A partner's settlement periods, earliest first." })
  async settlementPeriods(
    @Ctx() { app, actor }: Context,
    @Args(() => PeriodsArgs) args: PeriodsArgs,
  ): Promise<Connection<SettlementPeriod>> {
    const partner = await partnerNamedOrOwn(app, actor, args.partnerId ?? null);
    const state = args.state ?? null;
    const page = await periodsOf(app, partner, state, args);
    return connectionOf("periods", page, args.after, () => countPeriods(app, partner, state));
  }

  @FieldResolver(() => Partner, { description: "The partner whose activity it is." })
  async partner(@Ctx() { app, actor, loaders }: Context, @Root() period: SettlementPeriod): Promise<Partner> {
    return loaders
      .of("partner", (numbers: readonly number[]) => partnersByNumber(app, actor, numbers))
      .load(period.partnerNo);
  }

  @Authorized("settlements:read")
  @FieldResolver(() => Configuration, { description: "The configuration version it is settled by." })
  async configuration(
    @Ctx() { app, actor, loaders }: Context,
    @Root() period: SettlementPeriod,
  ): Promise<Configuration> {
    return loaders
      .of("configuration", (ids: readonly string[]) => configurationsById(app, actor.tenantId, ids))
      .load(period.configurationId);
  }

  @Authorized("settlements:read")
  @FieldResolver(() => [Statement], { description: "Its statements, one for each currency; none until it is settled." })
  async statements(@Ctx() { app, actor, loaders }: Context, @Root() period: SettlementPeriod): Promise<Statement[]> {
    return loaders
      .of("statementsByPeriod", (numbers: readonly number[]) => statementsByPeriod(app, actor.tenantNo, numbers))
      .load(period.no);
  }

  @Authorized("settlements:read")
  @FieldResolver(() => SettlementIncident, {
    nullable: true,
    description: "What keeps it from being settled by itself; null where nothing does, and once it is settled.",
  })
  async incident(
    @Ctx() { app, actor, loaders }: Context,
    @Root() period: SettlementPeriod,
  ): Promise<SettlementIncident | null> {
    if (stepsLeft(period).length === 0) return null;
    return loaders
      .of("incident", (numbers: readonly number[]) => incidentsByPeriod(app, actor.tenantNo, numbers))
      .load(period.no);
  }

  @Authorized("settlements:read")
  @FieldResolver(() => [PeriodTotal], { description: "What was posted into it so far; fixed once it is closed." })
  async totals(@Ctx() { app }: Context, @Root() period: SettlementPeriod): Promise<PeriodTotal[]> {
    const totals = await totalsOf(app, period);
    return totals.map(({ count, units, sumMinor, currency, ...row }) => ({
      ...row,
      count: count.toString(),
      units: units.toString(),
      sum: new Money(sumMinor, currency),
    }));
  }
}
