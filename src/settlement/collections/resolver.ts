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
import { type Connection, type Context, connectionOf, connectionType, Money } from "../../platform/graphql.js";
import { partnerNamedOrOwn } from "../../tenancy/service.js";
import { Collection } from "./entities.js";
import {
  ApproveCollectionInput,
  CollectionsArgs,
  MarkCollectionReturnedInput,
  RecordCollectionInput,
  RefuseCollectionInput,
} from "./inputs.js";
import {
  approveCollection,
  collectionOf,
  collectionsOf,
  countCollections,
  markCollectionReturned,
  recordCollection,
  refuseCollection,
} from "./service.js";

const CollectionConnection = connectionType("Collection", Collection);

/** The answer to the mutations of collections. */
@ObjectType({ description: "The collection as it stands now." })
export class CollectionPayload {
  @Field(() => Collection, { description: "The collection." })
  readonly collection!: Collection;
}

/** What partners paid: record, approve, refuse, mark as gone back, and read. */
@Resolver(() => Collection)
export class CollectionResolver {
  @Authorized("payouts:manage")
  @Mutation(() => CollectionPayload, {
    description: "Record that a partner paid; it counts once a second person approves it.",
  })
  async recordCollection(
    @Ctx() { app, actor }: Context,
    @Arg("input", () => RecordCollectionInput, { description: "Who paid, how much, and what the bank says of it." })
    { idempotencyKey, ...input }: RecordCollectionInput,
  ): Promise<CollectionPayload> {
    return { collection: await recordCollection(app, actor, input, idempotencyKey) };
  }

  @Authorized("payouts:manage")
  @Mutation(() => CollectionPayload, {
    description: "Book a payment that somebody else recorded: it meets the partner's oldest debts first.",
  })
  async approveCollection(
    @Ctx() { app, actor }: Context,
    @Arg("input", () => ApproveCollectionInput, { description: "The collection." })
    { idempotencyKey, collectionId }: ApproveCollectionInput,
  ): Promise<CollectionPayload> {
    return { collection: await approveCollection(app, actor, collectionId, idempotencyKey) };
  }

  @Authorized("payouts:manage")
  @Mutation(() => CollectionPayload, { description: "Refuse a record that is wrong; it never counts." })
  async refuseCollection(
    @Ctx() { app, actor }: Context,
    @Arg("input", () => RefuseCollectionInput, { description: "The collection, and why." })
    { idempotencyKey, ...input }: RefuseCollectionInput,
  ): Promise<CollectionPayload> {
    return { collection: await refuseCollection(app, actor, input, idempotencyKey) };
  }

  @Authorized("payouts:manage")
  @Mutation(() => CollectionPayload, {
    description:
      "Mark collected money, all of it or a part, as gone back: the bank took it back, or what was over was refunded." +
      " Debts that it had met are to be collected again.",
  })
  async markCollectionReturned(
    @Ctx() { app, actor }: Context,
    @Arg("input", () => MarkCollectionReturnedInput, { description: "The collection, how much of it, and why." })
    { idempotencyKey, amount = null, ...input }: MarkCollectionReturnedInput,
  ): Promise<CollectionPayload> {
    return { collection: await markCollectionReturned(app, actor, { ...input, amount }, idempotencyKey) };
  }

  @Authorized("settlements:read", "payouts:manage")
  @Query(() => Collection, { description: "A collection by its id." })
  async collection(
    @Ctx() { app, actor }: Context,
    @Arg("id", () => ID, { description: "Begins with `col_`." }) id: string,
  ): Promise<Collection> {
    return collectionOf(app, actor, id);
  }

  @Authorized("settlements:read", "payouts:manage")
  @Query(() => CollectionConnection, {
    description: "What partners paid, in the order of recording; a partner sees its own.",
  })
  async collections(
    @Ctx() { app, actor }: Context,
    @Args(() => CollectionsArgs) { partnerId = null, ...args }: CollectionsArgs,
  ): Promise<Connection<Collection>> {
    const isOfAll = (partnerId ?? actor.partnerId) === null;
    const partner = isOfAll ? null : await partnerNamedOrOwn(app, actor, partnerId);
    const { currency = null, state = null, bankReference = null, ...page } = args;
    const filter = { partner, currency, state, bankReference };
    const found = await collectionsOf(app, actor, filter, page);
    return connectionOf("collections", found, page.after, () => countCollections(app, actor, filter));
  }

  @FieldResolver(() => Money, { description: "What came." })
  amount(@Root() { amountMinor, currency }: Collection): Money {
    return new Money(amountMinor, currency);
  }

  @FieldResolver(() => Money, { description: "What of that went back." })
  returned(@Root() { returnedMinor, currency }: Collection): Money {
    return new Money(returnedMinor, currency);
  }

  @FieldResolver(() => String, {
    nullable: true,
    description: "Who recorded it: a client's or a person's id, or `shell`; null for partners.",
  })
  recordedBy(@Ctx() { actor }: Context, @Root() { recordedBy }: Collection): string | null {
    return nameFor(actor, recordedBy);
  }

  @FieldResolver(() => String, {
    nullable: true,
    description: "Who approved or refused it: a client's or a person's id, or `shell`; null for partners.",
  })
  decidedBy(@Ctx() { actor }: Context, @Root() { decidedBy }: Collection): string | null {
    return nameFor(actor, decidedBy);
  }
}
