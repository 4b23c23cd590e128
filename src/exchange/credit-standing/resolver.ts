import { Args, Authorized, Ctx, Field, FieldResolver, ObjectType, Query, Resolver, Root } from "type-graphql";
import { type Connection, type Context, connectionOf, connectionType, Money } from "../../platform/graphql.js";
import { Partner } from "../../tenancy/entities.js";
import { partnerNamedOrOwn } from "../../tenancy/service.js";
import { CreditLot, WhenExhausted } from "../credit/entities.js";
import { CreditLotsArgs } from "./inputs.js";
import { type CreditStanding, countLots, creditStanding, lotsOf } from "./service.js";

const CreditLotConnection = connectionType("CreditLot", CreditLot);

/** How a partner's credit stands in one currency. */
@ObjectType({ description: "How a partner's prepaid credit stands in one currency." })
export class PartnerCredit {
  @Field(() => Money, { description: "What its lots hold that has not expired, at face value." })
  readonly balance!: Money;

  @Field(() => Money, { description: "How far draw-downs may go beyond the lots, by the terms of the open period." })
  readonly creditLimit!: Money;

  @Field(() => Money, { description: "Draw-downs of statements not issued yet, as far as no lot was drawn for them." })
  readonly reserved!: Money;

  @Field(() => Money, { description: "balance + creditLimit − reserved." })
  readonly available!: Money;

  @Field(() => WhenExhausted, {
    nullable: true,
    description:
      "What becomes of draw-downs beyond that; null where the terms of the open period say nothing of credit.",
  })
  readonly whenExhausted!: WhenExhausted | null;
}

/** Adds prepaid credit to partners. */
@Resolver(() => Partner)
export class PartnerCreditResolver {
  @Authorized("balances:read")
  @FieldResolver(() => [PartnerCredit], { description: "Its prepaid credit, by currency; empty where there is none." })
  async credit(@Ctx() { app }: Context, @Root() partner: Partner): Promise<PartnerCredit[]> {
    return (await creditStanding(app, partner)).map(shown);
  }
}

/** Lots of prepaid credit: read. */
@Resolver(() => CreditLot)
export class CreditLotResolver {
  @Authorized("balances:read")
  @Query(() => CreditLotConnection, { description: "A partner's lots of prepaid credit, oldest first." })
  async creditLots(
    @Ctx() { app, actor }: Context,
    @Args(() => CreditLotsArgs) args: CreditLotsArgs,
  ): Promise<Connection<CreditLot>> {
    const partner = await partnerNamedOrOwn(app, actor, args.partnerId ?? null);
    const filter = { currency: args.currency ?? null, isOpen: args.openOnly };
    const page = await lotsOf(app, partner, filter, args);
    return connectionOf("credit-lots", page, args.after, () => countLots(app, partner, filter));
  }

  @FieldResolver(() => Money, { description: "At face value, as bought." })
  face(@Root() { faceMinor, currency }: CreditLot): Money {
    return new Money(faceMinor, currency);
  }

  @FieldResolver(() => Money, { description: "What it was bought for." })
  cost(@Root() { costMinor, currency }: CreditLot): Money {
    return new Money(costMinor, currency);
  }

  @FieldResolver(() => Money, { description: "What it still holds." })
  remaining(@Root() { remainingMinor, currency }: CreditLot): Money {
    return new Money(remainingMinor, currency);
  }

  @FieldResolver(() => Money, { description: "Drawn at posting, and waiting for a statement to meet." })
  drawn(@Root() { drawnMinor, currency }: CreditLot): Money {
    return new Money(drawnMinor, currency);
  }

  @FieldResolver(() => Money, { description: "Met what statements released, less what refilled it." })
  settled(@Root() { settledMinor, currency }: CreditLot): Money {
    return new Money(settledMinor, currency);
  }

  @FieldResolver(() => Money, { description: "Expired unused." })
  expired(@Root() { expiredMinor, currency }: CreditLot): Money {
    return new Money(expiredMinor, currency);
  }

  @FieldResolver(() => Boolean, { description: "Whether its purchase was rolled back: then it holds nothing." })
  isTakenBack(@Root() { takenBackPeriodNo }: CreditLot): boolean {
    return takenBackPeriodNo !== null;
  }
}

function shown({ currency, whenExhausted, ...minor }: CreditStanding): PartnerCredit {
  const money = (units: bigint) => new Money(units, currency);
  return {
    ...{ balance: money(minor.balanceMinor), creditLimit: money(minor.creditLimitMinor), whenExhausted },
    ...{ reserved: money(minor.reservedMinor), available: money(minor.availableMinor) },
  };
}
