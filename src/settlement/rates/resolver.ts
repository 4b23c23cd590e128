import { Arg, Args, Authorized, Ctx, Field, Mutation, ObjectType, Query, Resolver } from "type-graphql";
import { type Connection, type Context, connectionOf, connectionType } from "../../platform/graphql.js";
import { StoredRate } from "./entities.js";
import { EnterExchangeRateInput, ExchangeRatesArgs } from "./inputs.js";
import { countExchangeRates, enterExchangeRate, exchangeRatesOf } from "./service.js";

const ExchangeRateConnection = connectionType("ExchangeRate", StoredRate);

/** The answer to `enterExchangeRate`. */
@ObjectType({ description: "The rate as it stands now." })
export class ExchangeRatePayload {
  @Field(() => StoredRate, { description: "The rate." })
  readonly exchangeRate!: StoredRate;
}

/** Exchange rates: enter and read. */
@Resolver(() => StoredRate)
export class ExchangeRateResolver {
  @Authorized("settlements:manage")
  @Mutation(() => ExchangeRatePayload, {
    description: "Enter an exchange rate. One that no statement has used may be entered again with another rate.",
  })
  async enterExchangeRate(
    @Ctx() { app, actor }: Context,
    @Arg("input", () => EnterExchangeRateInput, { description: "The rate." })
    { idempotencyKey, ...input }: EnterExchangeRateInput,
  ): Promise<ExchangeRatePayload> {
    return { exchangeRate: await enterExchangeRate(app, actor, input, idempotencyKey) };
  }

  @Authorized("settlements:read", "settlements:manage")
  @Query(() => ExchangeRateConnection, {
    description:
      "The tenant's exchange rates, in the order of entering. Partners see those they settle by on statements.",
  })
  async exchangeRates(
    @Ctx() { app, actor }: Context,
    @Args(() => ExchangeRatesArgs) { base = null, quote = null, ...page }: ExchangeRatesArgs,
  ): Promise<Connection<StoredRate>> {
    const filter = { base, quote };
    const rates = await exchangeRatesOf(app, actor, filter, page);
    return connectionOf("rates", rates, page.after, () => countExchangeRates(app, actor, filter));
  }
}
