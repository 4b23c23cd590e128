import { Args, Authorized, Ctx, FieldResolver, Query, Resolver, Root } from "type-graphql";
import { type Connection, type Context, connectionOf, connectionType, Money } from "../../platform/graphql.js";
import { partnerNamedOrOwn } from "../../tenancy/service.js";
import { StoredSetOff } from "./entities.js";
import { SetOffsArgs } from "./inputs.js";
import { countSetOffs, setOffsOf } from "./service.js";

const SetOffConnection = connectionType("SetOff", StoredSetOff);

/** Set-offs of linked partners: read. */
@Resolver(() => StoredSetOff)
export class SetOffResolver {
  @Authorized("settlements:read")
  @Query(() => SetOffConnection, { description: "A partner's set-offs, as creditor or debtor, oldest first." })
  async setOffs(
    @Ctx() { app, actor }: Context,
    @Args(() => SetOffsArgs) args: SetOffsArgs,
  ): Promise<Connection<StoredSetOff>> {
    const partner = await partnerNamedOrOwn(app, actor, args.partnerId ?? null);
    const page = await setOffsOf(app, partner, args);
    return connectionOf("set-offs", page, args.after, () => countSetOffs(app, partner));
  }

  @FieldResolver(() => Money, { description: "What was released to the creditor and not paid, before." })
  owedToCreditor(@Root() { owedToCreditorMinor, currency }: StoredSetOff): Money {
    return new Money(owedToCreditorMinor, currency);
  }

  @FieldResolver(() => Money, { description: "What was to be collected from the debtor, before." })
  owedByDebtor(@Root() { owedByDebtorMinor, currency }: StoredSetOff): Money {
    return new Money(owedByDebtorMinor, currency);
  }

  @FieldResolver(() => Money, { description: "What left both." })
  amount(@Root() { amountMinor, currency }: StoredSetOff): Money {
    return new Money(amountMinor, currency);
  }
}
