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

  @FieldResolver(() => Money, {
    nullable: true,
    description:
      "What was released to the creditor and not paid, before; null to the debtor, whom it does not concern.",
  })
  owedToCreditor(@Ctx() { actor }: Context, @Root() setOff: StoredSetOff): Money | null {
    const { creditorId, owedToCreditorMinor, currency } = setOff;
    return isShownTo(actor, creditorId) ? new Money(owedToCreditorMinor, currency) : null;
  }

  @FieldResolver(() => Money, {
    nullable: true,
    description: "What was to be collected from the debtor, before; null to the creditor, whom it does not concern.",
  })
  owedByDebtor(@Ctx() { actor }: Context, @Root() setOff: StoredSetOff): Money | null {
    const { debtorId, owedByDebtorMinor, currency } = setOff;
    return isShownTo(actor, debtorId) ? new Money(owedByDebtorMinor, currency) : null;
  }

  @FieldResolver(() => Money, { description: "What left both." })
  amount(@Root() { amountMinor, currency }: StoredSetOff): Money {
    return new Money(amountMinor, currency);
  }
}

/** The whole of what a partner is owed, or owes, is between the tenant and that partner. */
function isShownTo({ partnerId }: Context["actor"], whose: string): boolean {
  return partnerId === null || partnerId === whose;
}
