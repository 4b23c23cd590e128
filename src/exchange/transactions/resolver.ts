import { Arg, Args, Authorized, Ctx, FieldResolver, ID, Query, Resolver, Root } from "type-graphql";
import { SettlementPeriod } from "../../periods/entities.js";
import { periodOfPartner, periodsByNumber } from "../../periods/service.js";
import { type Connection, type Context, connectionOf, connectionType, Money } from "../../platform/graphql.js";
import { partnerNamedOrOwn } from "../../tenancy/service.js";
import { batchesByNumber } from "../batches/service.js";
import { Batch, Transaction } from "../entities.js";
import { type TransactionFilter, TransactionsArgs } from "./inputs.js";
import { countTransactions, type TransactionQuery, transactionOf, transactionsOf } from "./service.js";

const TransactionConnection = connectionType("Transaction", Transaction);

/** Transactions: read. */
@Resolver(() => Transaction)
export class TransactionResolver {
  @Authorized("batches:read")
  @Query(() => Transaction, { description: "A transaction by the partner's own id for it." })
  async transaction(
    @Ctx() { app, actor }: Context,
    @Arg("externalId", () => String, { description: "As the partner sent it." }) externalId: string,
    @Arg("partnerId", () => ID, { nullable: true, description: "Whose; a partner's own client may leave it out." })
    partnerId?: string | null,
  ): Promise<Transaction> {
    return transactionOf(app, await partnerNamedOrOwn(app, actor, partnerId ?? null), externalId);
  }

  @Authorized("batches:read")
  @Query(() => TransactionConnection, {
    description: "A partner's transactions in the order of their periods and of posting.",
  })
  async transactions(
    @Ctx() { app, actor }: Context,
    @Args(() => TransactionsArgs) { filter, ...page }: TransactionsArgs,
  ): Promise<Connection<Transaction>> {
    const partner = await partnerNamedOrOwn(app, actor, filter?.partnerId ?? null);
    const periodId = filter?.periodId ?? null;
    const periodNo = periodId === null ? null : (await periodOfPartner(app, partner, periodId)).no;
    const wanted = queryOf(filter ?? {}, periodNo);
    const rows = await transactionsOf(app, partner, wanted, page);
    return connectionOf("transactions", rows, page.after, () => countTransactions(app, partner, wanted));
  }

  @FieldResolver(() => Money, { description: "Its amount; of a rollback, the amount moved back." })
  amount(@Root() transaction: Transaction): Money {
    return new Money(transaction.amountMinor, transaction.currency);
  }

  @FieldResolver(() => Batch, { description: "The batch that brought it." })
  batch(@Ctx() { app, actor, loaders }: Context, @Root() transaction: Transaction): Promise<Batch> {
    const load = (numbers: readonly string[]) => batchesByNumber(app, actor.tenantNo, numbers);
    return loaders.of("batch", load).load(String(transaction.batchNo));
  }

  @FieldResolver(() => SettlementPeriod, {
    nullable: true,
    description: "The period it was posted into; null while it waits.",
  })
  period(@Ctx() context: Context, @Root() transaction: Transaction): Promise<SettlementPeriod | null> {
    return loadPeriod(context, transaction.periodNo);
  }

  @FieldResolver(() => SettlementPeriod, {
    nullable: true,
    description: "The period it happened in; another than `period` when it came late; null while it waits.",
  })
  originPeriod(@Ctx() context: Context, @Root() transaction: Transaction): Promise<SettlementPeriod | null> {
    return loadPeriod(context, transaction.originPeriodNo);
  }

  @FieldResolver(() => String, {
    nullable: true,
    description: "Number of its ledger entry in the partner's books; null while it waits.",
  })
  entry(@Root() transaction: Transaction): string | null {
    return transaction.entryNo === 0n ? null : transaction.entryNo.toString();
  }

  @FieldResolver(() => String, { nullable: true, description: "Units of an acquisition or a fee per unit." })
  units(@Root() transaction: Transaction): string | null {
    return transaction.units?.toString() ?? null;
  }
}

async function loadPeriod({ app, actor, loaders }: Context, periodNo: number): Promise<SettlementPeriod | null> {
  const load = async (numbers: readonly number[]) => {
    const periods = await periodsByNumber(app.database.manager, actor.tenantNo, numbers);
    return numbers.map((no) => periods.get(no) ?? null);
  };
  return loaders.of("period", load).load(periodNo);
}

function queryOf(filter: TransactionFilter, periodNo: number | null): TransactionQuery {
  return {
    periodNo,
    kind: filter.kind ?? null,
    externalId: filter.externalId ?? null,
    occurredFrom: filter.occurredFrom ?? null,
    occurredBefore: filter.occurredBefore ?? null,
  };
}
