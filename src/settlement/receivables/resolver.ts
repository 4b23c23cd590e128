import { Args, Authorized, Ctx, Field, FieldResolver, ID, ObjectType, Query, Resolver, Root } from "type-graphql";
import { PageArgs } from "../../platform/arguments.js";
import { type Connection, type Context, connectionOf, connectionType, Money } from "../../platform/graphql.js";
import { Partner } from "../../tenancy/entities.js";
import { partnerNamedOrOwn } from "../../tenancy/service.js";
import { ReceivablesArgs } from "./inputs.js";
import { countReceivables, type OpenDebt, openDebtsOf, type Receivable, receivablesOf } from "./service.js";

/** A statement of which something is to be collected. */
@ObjectType("OpenDebt", { description: "A statement of which something is to be collected." })
class OpenDebtMoney {
  @Field(() => ID, { description: "The statement." })
  readonly statementId!: string;

  @Field(() => Money, { description: "What of it nobody has paid." })
  readonly left!: Money;

  @Field(() => String, { nullable: true, description: "By when it is to be paid, `YYYY-MM-DD`; null where none said." })
  readonly paymentDueOn!: string | null;
}

/** What a partner owes in a currency. */
@ObjectType("Receivable", { description: "What a partner owes in a currency." })
export class ReceivableMoney {
  @Field(() => Partner, { description: "The partner." })
  readonly partner!: Partner;

  @Field(() => Money, {
    description: "To be collected: by released statements, less what was paid, set off or earned since.",
  })
  readonly due!: Money;

  @Field(() => Money, { description: "Recorded as paid and not approved yet; `due` is not lowered by it." })
  readonly awaitingApproval!: Money;

  readonly open!: readonly OpenDebt[];
}

const ReceivableConnection = connectionType("Receivable", ReceivableMoney);
const OpenDebtConnection = connectionType("OpenDebt", OpenDebtMoney);

/** What partners owe: read. */
@Resolver(() => ReceivableMoney)
export class ReceivableResolver {
  @Authorized("settlements:read", "payouts:manage")
  @Query(() => ReceivableConnection, {
    description: "Partners from whom something is to be collected in a currency, oldest partner first.",
  })
  async receivables(
    @Ctx() { app, actor }: Context,
    @Args(() => ReceivablesArgs) { currency, partnerId = null, ...page }: ReceivablesArgs,
  ): Promise<Connection<ReceivableMoney>> {
    const isOfAll = (partnerId ?? actor.partnerId) === null;
    const partner = isOfAll ? null : await partnerNamedOrOwn(app, actor, partnerId);
    const filter = { partner, currency };
    const { rows, positionOf: _, ...found } = await receivablesOf(app, actor, filter, page);
    const positionOf = (each: ReceivableMoney) => String(each.partner.no);
    const shown = { ...found, rows: rows.map(moneyOf), positionOf };
    return connectionOf("receivables", shown, page.after, () => countReceivables(app, actor, filter));
  }

  @FieldResolver(() => OpenDebtConnection, { description: "By statement, the oldest first." })
  statements(@Root() receivable: ReceivableMoney, @Args(() => PageArgs) args: PageArgs): Connection<OpenDebtMoney> {
    const { rows, positionOf, ...page } = openDebtsOf(receivable, args);
    const { currency } = receivable.due;
    const shown = rows.map((debt) => ({ ...debt, left: new Money(debt.leftMinor, currency) }));
    return connectionOf("open-debts", { ...page, rows: shown, positionOf }, args.after, async () => {
      return receivable.open.length;
    });
  }
}

function moneyOf({ partner, currency, dueMinor, awaitingMinor, open }: Receivable): ReceivableMoney {
  const [due, awaitingApproval] = [new Money(dueMinor, currency), new Money(awaitingMinor, currency)];
  return Object.assign(new ReceivableMoney(), { partner, due, awaitingApproval, open });
}
