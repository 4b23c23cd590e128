import { Arg, Args, Authorized, Ctx, Field, Mutation, ObjectType, Query, Resolver } from "type-graphql";
import { type Connection, type Context, connectionOf, connectionType } from "../../platform/graphql.js";
import { StoredRate } from "./entities.js";
import {
  ApproveExchangeRateInput,
  EnterExchangeRateInput,
  ExchangeRatesArgs,
  RefuseExchangeRateInput,
} from "./inputs.js";
import {
  approveExchangeRate,
  countExchangeRates,
  enterExchangeRate,
  exchangeRatesOf,
  refuseExchangeRate,
} from "./service.js";

const ExchangeRateConnection = connectionType("ExchangeRate", StoredRate);

/** The answer to `enterExchangeRate`. */
@ObjectType({ description: "The rate as it stands now." })
export class ExchangeRatePayload {
  @Field(() => StoredRate, { description: "The rate." })
  readonly exchangeRate!: StoredRate;
}

/** Exchange rates: enter, approve, refuse and read. */
@Resolver(() => StoredRate)
export class ExchangeRateResolver {
  @Authorized("settlements:manage")
  @Mutation(() => ExchangeRatePayload, {
    description:
      "Enter an exchange rate, which stands once a second person approves it. One that no statement has used may be" +
      " entered again with another rate.",
  })
  async enterExchangeRate(
    @Ctx() { app, actor }: Context,
    @Arg("input", () => EnterExchangeRateInput, { description: "The rate." })
    { idempotencyKey, ...input }: EnterExchangeRateInput,
  ): Promise<ExchangeRatePayload> {
    return { exchangeRate: await enterExchangeRate(app, actor, input, idempotencyKey) };
  }

  @Authorized("settlements:manage")
  @Mutation(() => ExchangeRatePayload, {
    description: "Let a rate that somebody else entered stand, in the place of one of the same instant not used yet.",
  })
  async approveExchangeRate(
    @Ctx() { app, actor }: Context,
    @Arg("input", () => ApproveExchangeRateInput, { description: "The rate." })
    { idempotencyKey, exchangeRateId }: ApproveExchangeRateInput,
  ): Promise<ExchangeRatePayload> {
    return { exchangeRate: await approveExchangeRate(app, actor, exchangeRateId, idempotencyKey) };
  }

  @Authorized("settlements:manage")
  @Mutation(() => ExchangeRatePayload, { description: "Refuse an entered rate for good, or take it back." })
  async refuseExchangeRate(
    @Ctx() { app, actor }: Context,
    @Arg("input", () => RefuseExchangeRateInput, { description: "The rate, and why." })
    { idempotencyKey, ...input }: RefuseExchangeRateInput,
  ): Promise<ExchangeRatePayload> {
    return { exchangeRate: await refuseExchangeRate(app, actor, input, idempotencyKey) };
  }

  @Authorized("settlements:read", "settlements:manage")
  @Query(() => ExchangeRateConnection, {
    description:
      "The tenant's exchange rates, in the order of entering. Partners see those they settle by on statements.",
  })
  async exchangeRates(
    @Ctx() { app, actor }: Context,
    @Args(() => ExchangeRatesArgs) { base = null, quote = null, state = null, ...page }: ExchangeRatesArgs,
  ): Promise<Connection<StoredRate>> {
    const filter = { base, quote, state };
    const rates = await exchangeRatesOf(app, actor, filter, page);
    return connectionOf("rates", rates, page.after, () => countExchangeRates(app, actor, filter));
  }
}
