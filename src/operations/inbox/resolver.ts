import { Args, Authorized, Ctx, FieldResolver, Query, Resolver, Root } from "type-graphql";
import { PageArgs } from "../../platform/arguments.js";
import { type Connection, type Context, connectionOf, connectionType, Money } from "../../platform/graphql.js";
import { Partner } from "../../tenancy/entities.js";
import { partnersByNumber } from "../../tenancy/service.js";
import { AwaitedApproval, DECIDING, PeriodProposal } from "./entities.js";
import { areOwn, awaitedBy, countAwaited, proposalOf } from "./service.js";

const AwaitedApprovalConnection = connectionType("AwaitedApproval", AwaitedApproval);

/** What waits for a second person: read. */
@Resolver(() => AwaitedApproval)
export class InboxResolver {
  @Authorized("configs:approve", "settlements:manage", "payouts:manage", "keys:manage", "clients:manage")
  @Query(() => AwaitedApprovalConnection, {
    description:
      "What waits in the whole tenant for an approval that the caller's scopes may give, what has waited longest" +
      " first. Its age says how long it has waited; but for proposals about periods nothing here lapses.",
  })
  async awaitingApproval(
    @Ctx() { app, actor }: Context,
    @Args(() => PageArgs) page: PageArgs,
  ): Promise<Connection<AwaitedApproval>> {
    return connectionOf("awaiting-approval", await awaitedBy(app, actor, page), page.after, () =>
      countAwaited(app, actor),
    );
  }

  @FieldResolver(() => Partner, { nullable: true, description: "Whose it is; null where of no one partner." })
  async partner(@Ctx() { app, actor, loaders }: Context, @Root() { partnerNo }: AwaitedApproval) {
    if (partnerNo === null) return null;
    return loaders.of("partner", (numbers: readonly number[]) => partnersByNumber(app, actor, numbers)).load(partnerNo);
  }

  @FieldResolver(() => Boolean, {
    description: "Whether that was the caller, by whichever client; where two people are needed, another decides.",
  })
  async isOwn(@Ctx() { app, actor, loaders }: Context, @Root() { proposedBy }: AwaitedApproval): Promise<boolean> {
    if (proposedBy === null) return false;
    return loaders.of("is-own", (ids: readonly string[]) => areOwn(app, actor, ids)).load(proposedBy);
  }

  @FieldResolver(() => PeriodProposal, { nullable: true, description: "What is proposed; null but about periods." })
  proposal(@Ctx() { app, actor }: Context, @Root() awaited: AwaitedApproval): Promise<PeriodProposal | null> {
    return proposalOf(app, actor, awaited);
  }

  @FieldResolver(() => String, { description: "The mutation that decides on it, as `approveKey`." })
  mutation(@Root() { kind }: AwaitedApproval): string {
    return DECIDING[kind].mutation;
  }

  @FieldResolver(() => String, { description: "The field of that mutation's input that takes `subject`, as `keyId`." })
  argument(@Root() { kind }: AwaitedApproval): string {
    return DECIDING[kind].argument;
  }

  @FieldResolver(() => Money, {
    nullable: true,
    description: "What it would pay, put right or book; null for the others.",
  })
  amount(@Root() { amountMinor, currency }: AwaitedApproval): Money | null {
    return amountMinor === null || currency === null ? null : new Money(amountMinor, currency);
  }
}
