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
import { nameFor } from "../../kernel/actor.js";
import { type Connection, type Context, connectionOf, connectionType } from "../../platform/graphql.js";
import { partnerNamedOrOwn } from "../../tenancy/service.js";
import { PayoutAccount } from "./entities.js";
import {
  ApprovePayoutAccountInput,
  PayoutAccountsArgs,
  RefusePayoutAccountInput,
  RegisterPayoutAccountInput,
} from "./inputs.js";
import {
  approvePayoutAccount,
  countPayoutAccounts,
  numberSeenBy,
  payoutAccountOf,
  payoutAccountsOf,
  refusePayoutAccount,
  registerPayoutAccount,
} from "./service.js";

const PayoutAccountConnection = connectionType("PayoutAccount", PayoutAccount);

/** The answer to the mutations of payout accounts. */
@ObjectType({ description: "The account as it stands now." })
export class PayoutAccountPayload {
  @Field(() => PayoutAccount, { description: "The account." })
  readonly payoutAccount!: PayoutAccount;
}

/** Payout accounts: register, approve, refuse and read. */
@Resolver(() => PayoutAccount)
export class PayoutAccountResolver {
  @Authorized("payouts:manage")
  @Mutation(() => PayoutAccountPayload, {
    description: "Register a bank account; a second person approves it before anything is paid to it or from it.",
  })
  async registerPayoutAccount(
    @Ctx() { app, actor }: Context,
    @Arg("input", () => RegisterPayoutAccountInput, { description: "The account." })
    { idempotencyKey, ...input }: RegisterPayoutAccountInput,
  ): Promise<PayoutAccountPayload> {
    const { partnerId = null, payee, latinName = null, town = null, ...account } = input;
    const registered = { ...account, partnerId, payee: payee ?? "", latinName, town };
    return { payoutAccount: await registerPayoutAccount(app, actor, registered, idempotencyKey) };
  }

  @Authorized("payouts:manage")
  @Mutation(() => PayoutAccountPayload, {
    description: "Put an account that somebody else registered to use, in the place of the one before.",
  })
  async approvePayoutAccount(
    @Ctx() { app, actor }: Context,
    @Arg("input", () => ApprovePayoutAccountInput, { description: "The account." })
    { payoutAccountId, idempotencyKey }: ApprovePayoutAccountInput,
  ): Promise<PayoutAccountPayload> {
    return { payoutAccount: await approvePayoutAccount(app, actor, payoutAccountId, idempotencyKey) };
  }

  @Authorized("payouts:manage")
  @Mutation(() => PayoutAccountPayload, { description: "Refuse a registered account for good." })
  async refusePayoutAccount(
    @Ctx() { app, actor }: Context,
    @Arg("input", () => RefusePayoutAccountInput, { description: "The account, and why." })
    { idempotencyKey, ...input }: RefusePayoutAccountInput,
  ): Promise<PayoutAccountPayload> {
    return { payoutAccount: await refusePayoutAccount(app, actor, input, idempotencyKey) };
  }

  @Authorized("settlements:read", "payouts:manage")
  @Query(() => PayoutAccount, { description: "A payout account by its id." })
  async payoutAccount(
    @Ctx() { app, actor }: Context,
    @Arg("id", () => ID, { description: "Begins with `pac_`." }) id: string,
  ): Promise<PayoutAccount> {
    return payoutAccountOf(app, actor, id);
  }

  @Authorized("settlements:read", "payouts:manage")
  @Query(() => PayoutAccountConnection, {
    description: "Payout accounts of a partner, or those that the tenant pays from, oldest first: all there ever were.",
  })
  async payoutAccounts(
    @Ctx() { app, actor }: Context,
    @Args(() => PayoutAccountsArgs) args: PayoutAccountsArgs,
  ): Promise<Connection<PayoutAccount>> {
    const isTenantsOwn = (args.partnerId ?? actor.partnerId) === null;
    const partner = isTenantsOwn ? null : await partnerNamedOrOwn(app, actor, args.partnerId ?? null);
    const page = await payoutAccountsOf(app, actor, partner, args);
    return connectionOf("payout-accounts", page, args.after, () => countPayoutAccounts(app, actor, partner));
  }

  @FieldResolver(() => String, {
    description:
      "IBAN or account number: whole for the tenant's people with `payouts:manage`, else masked to its last digits.",
  })
  async number(@Ctx() { app, actor }: Context, @Root() account: PayoutAccount): Promise<string> {
    return numberSeenBy(app, actor, account);
  }

  @FieldResolver(() => String, {
    nullable: true,
    description: "Who registered it: a client's or a person's id, or `shell`; null for partners.",
  })
  registeredBy(@Ctx() { actor }: Context, @Root() { registeredBy }: PayoutAccount): string | null {
    return nameFor(actor, registeredBy);
  }

  @FieldResolver(() => String, {
    nullable: true,
    description: "Who approved or refused it: a client's or a person's id, or `shell`; null for partners.",
  })
  decidedBy(@Ctx() { actor }: Context, @Root() { decidedBy }: PayoutAccount): string | null {
    return nameFor(actor, decidedBy);
  }
}
