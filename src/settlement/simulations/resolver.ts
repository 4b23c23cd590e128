import { GraphQLJSONObject } from "graphql-scalars";
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
  type SubscribeResolverData,
  Subscription,
} from "type-graphql";
import { present } from "../../kernel/assert.js";
import { Rational } from "../../kernel/rational.js";
import { SettlementPeriod } from "../../periods/entities.js";
import { periodsByNumber } from "../../periods/service.js";
import { PageArgs } from "../../platform/arguments.js";
import {
  type Connection,
  type Context,
  CurrencyCode,
  connectionOf,
  connectionType,
  Money,
} from "../../platform/graphql.js";
import { Partner } from "../../tenancy/entities.js";
import { partnersByNumber } from "../../tenancy/service.js";
import { followSimulation } from "../progress/service.js";
import type { Line } from "../terms/lines.js";
import { SimulatedPartner, SimulatedStatement, Simulation } from "./entities.js";
import { CancelSimulationInput, SimulateSettlementInput } from "./inputs.js";
import { queueSimulation } from "./jobs.js";
import { type LineDifference, lineValue } from "./rules.js";
import {
  cancelSimulation,
  countSimulated,
  countSimulatedPartners,
  isLong,
  linesOf,
  refusalsOf,
  simulatedPartners,
  simulatedStatements,
  simulateSettlement,
  simulationOf,
} from "./service.js";

const SimulatedConnection = connectionType("SimulatedStatement", SimulatedStatement);
const PartnersConnection = connectionType("PartnerDifference", SimulatedPartner);

/** An amount before and after. */
@ObjectType({ description: "An amount as it was, and as it would be." })
export class MoneyDifference {
  @Field(() => Money, { description: "As it was settled; zero where there was no such statement." })
  readonly before: Money;

  @Field(() => Money, { description: "Under the draft; zero where it gives no such statement." })
  readonly after: Money;

  @Field(() => Money, { description: "After less before." })
  readonly delta: Money;

  constructor(beforeMinor: bigint, afterMinor: bigint, currency: string) {
    this.before = new Money(beforeMinor, currency);
    this.after = new Money(afterMinor, currency);
    this.delta = new Money(afterMinor - beforeMinor, currency);
  }
}

/** How a line came about. */
@ObjectType({ description: "How a line came about." })
export class LineExplanation {
  @Field(() => String, { description: "Its money, or for working its exact result: a decimal, or `n/d`." })
  readonly value!: string;

  @Field(() => String, { description: "What it is, for people." })
  readonly description!: string;

  @Field(() => String, { description: "Arithmetic over the names in `inputs`." })
  readonly formula!: string;

  @Field(() => GraphQLJSONObject, { description: "What the formula is fed: exact decimals, or `n/d`, by name." })
  readonly inputs!: Record<string, unknown>;

  @Field(() => String, { nullable: true, description: "JSON pointer to the member of the document it obeys." })
  readonly term!: string | null;

  @Field(() => GraphQLJSONObject, { nullable: true, description: "On lines of a rule: `facts`, `answer`, `fired`." })
  readonly rule?: Record<string, unknown>;
}

/** A line under both terms. */
@ObjectType({ description: "A line of a statement, as it was and as it would be." })
export class SimulatedLine {
  @Field(() => String, { description: "What the line is, e.g. `GGR`, `SHARE`, `PAYABLE`." })
  readonly code!: string;

  @Field(() => String, { description: "Part of the statement that it belongs to; `BASE` is working." })
  readonly section!: string;

  @Field(() => String, { description: "The part of the activity, fee or payee it is about; empty for the whole." })
  readonly scope!: string;

  @Field(() => Boolean, { description: "Whether it is money, or working only." })
  readonly isMoney!: boolean;

  @Field(() => String, { description: "After less before, exactly: a decimal, or `n/d`." })
  readonly delta!: string;

  @Field(() => LineExplanation, { nullable: true, description: "As it was; null where the statement had none." })
  readonly before!: LineExplanation | null;

  @Field(() => LineExplanation, { nullable: true, description: "Under the draft; null where it has none." })
  readonly after!: LineExplanation | null;
}

/** A partner that the draft does not fit. */
@ObjectType({ description: "A partner that the draft could not be replayed for, and why." })
export class SimulationRefusal {
  @Field(() => ID, { description: "The partner." })
  readonly partnerId!: string;

  @Field(() => String, { description: "One of `ErrorCode`." })
  readonly code!: string;

  @Field(() => String, { description: "Why." })
  readonly message!: string;
}

/** The answer to mutations of simulations. */
@ObjectType({ description: "The simulation as it stands now." })
export class SimulationPayload {
  @Field(() => Simulation, { description: "The simulation; a short one is done." })
  readonly simulation!: Simulation;
}

/** Simulations: start, follow, stop, read. */
@Resolver(() => Simulation)
export class SimulationResolver {
  @Authorized("configs:draft")
  @Mutation(() => SimulationPayload, {
    description:
      "Replay settled periods under a draft, without changing anything of settlement. Up to 32 periods are replayed" +
      " before it answers; more are a job, which `simulationProgress` follows.",
  })
  async simulateSettlement(
    @Ctx() { app, actor }: Context,
    @Arg("input", () => SimulateSettlementInput, { description: "Periods and draft." })
    { idempotencyKey, ...input }: SimulateSettlementInput,
  ): Promise<SimulationPayload> {
    const simulation = await simulateSettlement(app, actor, input, idempotencyKey);
    if (isLong(simulation)) await queueSimulation(app, simulation);
    return { simulation };
  }

  @Authorized("configs:draft")
  @Mutation(() => SimulationPayload, { description: "Stop a simulation; what it replayed so far stays." })
  async cancelSimulation(
    @Ctx() { app, actor }: Context,
    @Arg("input", () => CancelSimulationInput, { description: "The simulation." })
    { idempotencyKey, simulationId }: CancelSimulationInput,
  ): Promise<SimulationPayload> {
    return { simulation: await cancelSimulation(app, actor, simulationId, idempotencyKey) };
  }

  @Authorized("settlements:read")
  @Query(() => Simulation, { description: "A simulation by its id." })
  async simulation(
    @Ctx() { app, actor }: Context,
    @Arg("id", () => ID, { description: "Begins with `sim_`." }) id: string,
  ): Promise<Simulation> {
    return simulationOf(app, actor, id);
  }

  @Authorized("settlements:read")
  @Subscription(() => Simulation, {
    description: "A simulation as it stands now and at each step, until it ends.",
    subscribe: ({ args, context }: SubscribeResolverData<unknown, { id: string }, Context>) =>
      followSimulation(context.app, context.actor, args.id),
  })
  simulationProgress(
    @Root() simulation: Simulation,
    @Arg("id", () => ID, { description: "Begins with `sim_`." }) _id: string,
  ): Simulation {
    return simulation;
  }

  @FieldResolver(() => [SimulationRefusal], { description: "Partners that the draft does not fit; at most 1,000." })
  refusals(@Root() simulation: Simulation): readonly SimulationRefusal[] {
    return refusalsOf(simulation);
  }

  @Authorized("settlements:read")
  @FieldResolver(() => PartnersConnection, { description: "The difference by partner and currency." })
  async partners(
    @Ctx() { app }: Context,
    @Root() simulation: Simulation,
    @Args(() => PageArgs) args: PageArgs,
  ): Promise<Connection<SimulatedPartner>> {
    const page = await simulatedPartners(app, simulation, args);
    return connectionOf("simulatedPartners", page, args.after, () => countSimulatedPartners(app, simulation));
  }

  @Authorized("settlements:read")
  @FieldResolver(() => SimulatedConnection, { description: "Its statements, by partner and then by period." })
  async statements(
    @Ctx() { app }: Context,
    @Root() simulation: Simulation,
    @Args(() => PageArgs) args: PageArgs,
  ): Promise<Connection<SimulatedStatement>> {
    const page = await simulatedStatements(app, simulation, args);
    return connectionOf("simulated", page, args.after, () => countSimulated(app, simulation));
  }
}

/** The sums of a partner. */
@Resolver(() => SimulatedPartner)
export class SimulatedPartnerResolver {
  @FieldResolver(() => Partner, { description: "Whom it is about." })
  async partner(@Ctx() { app, actor, loaders }: Context, @Root() { partnerNo }: SimulatedPartner): Promise<Partner> {
    return loaders.of("partner", (numbers: readonly number[]) => partnersByNumber(app, actor, numbers)).load(partnerNo);
  }

  @FieldResolver(() => MoneyDifference, { description: "Sum of what was earned." })
  earned(@Root() { earnedBeforeMinor, earnedAfterMinor, currency }: SimulatedPartner): MoneyDifference {
    return new MoneyDifference(earnedBeforeMinor, earnedAfterMinor, currency);
  }

  @FieldResolver(() => MoneyDifference, { description: "Sum of what was released for payment." })
  payable(@Root() { payableBeforeMinor, payableAfterMinor, currency }: SimulatedPartner): MoneyDifference {
    return new MoneyDifference(payableBeforeMinor, payableAfterMinor, currency);
  }
}

/** A replayed statement. */
@Resolver(() => SimulatedStatement)
export class SimulatedStatementResolver {
  @FieldResolver(() => Partner, { description: "Whom it settles." })
  async partner(@Ctx() { app, actor, loaders }: Context, @Root() { partnerNo }: SimulatedStatement): Promise<Partner> {
    return loaders.of("partner", (numbers: readonly number[]) => partnersByNumber(app, actor, numbers)).load(partnerNo);
  }

  @FieldResolver(() => SettlementPeriod, { description: "The period it settles." })
  async period(
    @Ctx() { app, actor, loaders }: Context,
    @Root() { periodNo }: SimulatedStatement,
  ): Promise<SettlementPeriod> {
    const load = async (numbers: readonly number[]) => {
      const periods = await periodsByNumber(app.database.manager, actor.tenantNo, numbers);
      return numbers.map((no) => periods.get(no) ?? null);
    };
    return present(await loaders.of("period", load).load(periodNo), "the period of a simulated statement");
  }

  @FieldResolver(() => CurrencyCode, { description: "The currency of every amount on it." })
  currency(@Root() { currency }: SimulatedStatement): string {
    return currency;
  }

  @FieldResolver(() => MoneyDifference, { description: "Shares, fees and jackpots of the period." })
  earned(@Root() { earnedBeforeMinor, earnedAfterMinor, currency }: SimulatedStatement): MoneyDifference {
    return new MoneyDifference(earnedBeforeMinor, earnedAfterMinor, currency);
  }

  @FieldResolver(() => MoneyDifference, { description: "Released for payment; below zero: to be collected." })
  payable(@Root() { payableBeforeMinor, payableAfterMinor, currency }: SimulatedStatement): MoneyDifference {
    return new MoneyDifference(payableBeforeMinor, payableAfterMinor, currency);
  }

  @FieldResolver(() => MoneyDifference, { description: "The closing position." })
  closing(@Root() { closingBeforeMinor, closingAfterMinor, currency }: SimulatedStatement): MoneyDifference {
    return new MoneyDifference(closingBeforeMinor, closingAfterMinor, currency);
  }

  @FieldResolver(() => [SimulatedLine], { description: "Every line, in the order of the calculation." })
  lines(
    @Root() simulated: SimulatedStatement,
    @Arg("onlyChanged", () => Boolean, { defaultValue: false, description: "Only lines with another value." })
    onlyChanged: boolean,
  ): SimulatedLine[] {
    return linesOf(simulated).filter(isWanted(onlyChanged)).map(simulatedLine);
  }
}

function isWanted(onlyChanged: boolean): (line: LineDifference) => boolean {
  return ({ delta }) => !onlyChanged || Rational.parse(delta)?.isZero === false;
}

function simulatedLine({ before, after, ...line }: LineDifference): SimulatedLine {
  return { ...line, before: explanationOf(before), after: explanationOf(after) };
}

function explanationOf(line: Line | null): LineExplanation | null {
  return line === null ? null : { ...line, inputs: { ...line.inputs }, value: lineValue(line) };
}
