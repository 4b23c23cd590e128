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
import { type Connection, type Context, connectionOf, connectionType, Money } from "../../platform/graphql.js";
import { partnerNamedOrOwn } from "../../tenancy/service.js";
import { PayoutAccount } from "../payout-accounts/entities.js";
import { payoutAccountOf } from "../payout-accounts/service.js";
import { payoutFileOf } from "../payout-files/service.js";
import { statementOf } from "../statements/service.js";
import { Payout } from "./entities.js";
import { MarkPayoutPaidInput, MarkPayoutRefusedInput, MarkPayoutReturnedInput, PayoutsArgs } from "./inputs.js";
import { countPayouts, markPayoutPaid, markPayoutRefused, markPayoutReturned, payoutOf, payoutsOf } from "./service.js";

const PayoutConnection = connectionType("Payout", Payout);

/** The answer to the marks of a payout. */
@ObjectType({ description: "The payout as it stands now." })
export class PayoutPayload {
  @Field(() => Payout, { description: "The payout." })
  readonly payout!: Payout;
}

/** Payouts: mark and read. */
@Resolver(() => Payout)
export class PayoutResolver {
  @Authorized("payouts:manage")
  @Mutation(() => PayoutPayload, {
    description: "Mark a payout as paid by the bank, all of it or a part, of which the rest stays payable.",
  })
  async markPayoutPaid(
    @Ctx() { app, actor }: Context,
    @Arg("input", () => MarkPayoutPaidInput, { description: "The payout, and how much." })
    { idempotencyKey, payoutId, amount = null, note = null }: MarkPayoutPaidInput,
  ): Promise<PayoutPayload> {
    return { payout: await markPayoutPaid(app, actor, { payoutId, amount, note }, idempotencyKey) };
  }

  @Authorized("payouts:manage")
  @Mutation(() => PayoutPayload, { description: "Mark a payout as not paid by the bank; it may be exported again." })
  async markPayoutRefused(
    @Ctx() { app, actor }: Context,
    @Arg("input", () => MarkPayoutRefusedInput, { description: "The payout." })
    { idempotencyKey, payoutId, note = null }: MarkPayoutRefusedInput,
  ): Promise<PayoutPayload> {
    return { payout: await markPayoutRefused(app, actor, { payoutId, note }, idempotencyKey) };
  }

  @Authorized("payouts:manage")
  @Mutation(() => PayoutPayload, {
    description: "Mark what a payout paid, all of it or a part, as given back by the bank; it is payable again.",
  })
  async markPayoutReturned(
    @Ctx() { app, actor }: Context,
    @Arg("input", () => MarkPayoutReturnedInput, { description: "The payout, and how much." })
    { idempotencyKey, payoutId, amount = null, note = null }: MarkPayoutReturnedInput,
  ): Promise<PayoutPayload> {
    return { payout: await markPayoutReturned(app, actor, { payoutId, amount, note }, idempotencyKey) };
  }

  @Authorized("settlements:read", "payouts:manage")
  @Query(() => Payout, { description: "A payout by its id." })
  async payout(
    @Ctx() { app, actor }: Context,
    @Arg("id", () => ID, { description: "Begins with `pay_`." }) id: string,
  ): Promise<Payout> {
    return payoutOf(app, actor, id);
  }

  @Authorized("settlements:read", "payouts:manage")
  @Query(() => PayoutConnection, { description: "Payouts in the order of export; a partner sees its own." })
  async payouts(
    @Ctx() { app, actor }: Context,
    @Args(() => PayoutsArgs) { partnerId = null, ...args }: PayoutsArgs,
  ): Promise<Connection<Payout>> {
    const isOfAll = (partnerId ?? actor.partnerId) === null;
    const partner = isOfAll ? null : await partnerNamedOrOwn(app, actor, partnerId);
    const { fileId = null, statementId = null, state = null, endToEndId = null, ...page } = args;
    if (fileId !== null) await payoutFileOf(app, actor, fileId);
    if (statementId !== null) await statementOf(app, actor, statementId);
    const filter = { partner, fileId, statementId, state, endToEndId };
    const found = await payoutsOf(app, actor, filter, page);
    return connectionOf("payouts", found, page.after, () => countPayouts(app, actor, filter));
  }

  @FieldResolver(() => Money, { description: "What the bank is asked to pay." })
  amount(@Root() { amountMinor, currency }: Payout): Money {
    return new Money(amountMinor, currency);
  }

  @FieldResolver(() => Money, { description: "What it paid." })
  paid(@Root() { paidMinor, currency }: Payout): Money {
    return new Money(paidMinor, currency);
  }

  @FieldResolver(() => Money, { description: "What of that it gave back." })
  returned(@Root() { returnedMinor, currency }: Payout): Money {
    return new Money(returnedMinor, currency);
  }

  @FieldResolver(() => PayoutAccount, { description: "The account that is paid." })
  async account(@Ctx() { app, actor }: Context, @Root() { accountId }: Payout): Promise<PayoutAccount> {
    return payoutAccountOf(app, actor, accountId);
  }
}
