import { Arg, Args, Authorized, Ctx, Field, ObjectType, Query, Resolver } from "type-graphql";
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
import { countPayables, type Payable, payablesOf } from "./service.js";

/** What was released to a partner in a currency and is not paid. */
@ObjectType("Payable", { description: "What was released to a partner in a currency and is not paid." })
export class PayableMoney {
  @Field(() => Partner, { description: "The partner." })
  readonly partner!: Partner;

  @Field(() => Money, {
    description:
      "What issued statements came to and is not paid, released by people or not; below zero: to be collected, which" +
      " no file does.",
  })
  readonly owed!: Money;

  @Field(() => Money, { description: "Of that in files whose payouts are not marked yet." })
  readonly exported!: Money;

  @Field(() => Money, { description: "What the next file would pay, whatever the date: of payable statements alone." })
  readonly ready!: Money;

  @Field(() => [String], {
    description: "Receivers with something payable and no approved account; the empty one is the partner itself.",
  })
  readonly payeesWithoutAccount!: readonly string[];
}

const PayableConnection = connectionType("Payable", PayableMoney);

/** What is payable: read. */
@Resolver(() => PayableMoney)
export class PayableResolver {
  @Authorized("payouts:manage")
  @Query(() => PayableConnection, {
    description: "Partners with money released and not paid, or to be collected, in a currency; oldest partner first.",
  })
  async payables(
    @Ctx() { app, actor }: Context,
    @Arg("currency", () => CurrencyCode, { description: "The currency." }) currency: string,
    @Args(() => PageArgs) page: PageArgs,
  ): Promise<Connection<PayableMoney>> {
    const { rows, positionOf: _, ...found } = await payablesOf(app, actor, currency, page);
    const shown = { ...found, rows: rows.map(moneyOf), positionOf: ({ partner }: PayableMoney) => String(partner.no) };
    return connectionOf("payables", shown, page.after, () => countPayables(app, actor, currency));
  }
}

function moneyOf({
  partner,
  currency,
  owedMinor,
  exportedMinor,
  readyMinor,
  payeesWithoutAccount,
}: Payable): PayableMoney {
  const [owed, exported, ready] = [owedMinor, exportedMinor, readyMinor].map((minor) => new Money(minor, currency));
  return Object.assign(new PayableMoney(), { partner, owed, exported, ready, payeesWithoutAccount });
}
