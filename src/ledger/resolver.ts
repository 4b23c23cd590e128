import { Arg, Authorized, Ctx, Field, FieldResolver, ObjectType, Resolver, Root } from "type-graphql";
import { type Context, Money } from "../platform/graphql.js";
import { Partner } from "../tenancy/entities.js";
import { AccountName } from "./entities.js";
import { ledgerError } from "./errors.js";
import { balancesAt } from "./history/service.js";
import { type Balances, balancesOf } from "./service.js";

/** What one account holds. */
@ObjectType({ description: "What one account of a partner holds." })
export class AccountBalance {
  @Field(() => AccountName, { description: "The account." })
  readonly account!: AccountName;

  @Field(() => Money, { description: "Signed: debit positive, credit negative." })
  readonly balance!: Money;
}

/** A partner's balances at one version of its books. */
@ObjectType({ description: "A partner's balances at one version of its books." })
export class PartnerBalances {
  @Field(() => String, {
    description: "The partner's last ledger entry that they contain; compares with `ledgerVersion`.",
  })
  readonly version!: string;

  @Field(() => [AccountBalance], { description: "Every account that was ever posted to, by name and currency." })
  readonly accounts!: readonly AccountBalance[];
}

/** Adds balances to partners. */
@Resolver(() => Partner)
export class BalancesResolver {
  @Authorized("balances:read")
  @FieldResolver(() => PartnerBalances, {
    description: "Its balances: now, or as they were recorded at a past instant.",
  })
  async balances(
    @Ctx() { app }: Context,
    @Root() partner: Partner,
    @Arg("at", () => Date, {
      nullable: true,
      description:
        "A past instant: entries recorded up to it count, and accounts at zero are left out. Not beside `atLeast`.",
    })
    at?: Date | null,
    @Arg("atLeast", () => String, {
      nullable: true,
      description: "A `ledgerVersion`: answers no older books than those.",
    })
    atLeast?: string | null,
  ): Promise<PartnerBalances> {
    if (at && atLeast) {
      throw ledgerError("VALIDATION", { path: "/atLeast", reason: "Ask for `at` or for `atLeast`, not for both." });
    }
    if (at) return shown(await balancesAt(app, partner, at));
    return shown(await balancesOf(app, partner, versionOf(atLeast)));
  }
}

function versionOf(text: string | null | undefined): bigint | null {
  if (!text) return null;
  if (!/^\d{1,19}$/.test(text))
    throw ledgerError("VALIDATION", { path: "/atLeast", reason: "A version is a whole number." });
  return BigInt(text);
}

function shown({ version, accounts }: Balances): PartnerBalances {
  return {
    version: version.toString(),
    accounts: accounts.map(({ account, currency, balanceMinor }) => ({
      account,
      balance: new Money(balanceMinor, currency),
    })),
  };
}
