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
import { PageArgs } from "../../platform/arguments.js";
import { type Connection, type Context, connectionOf, connectionType, Money } from "../../platform/graphql.js";
import { PayoutFile } from "./entities.js";
import { CreatePayoutFileInput, VoidPayoutFileInput } from "./inputs.js";
import { countPayoutFiles, createPayoutFile, payoutFileOf, payoutFilesOf, voidPayoutFile } from "./service.js";

const PayoutFileConnection = connectionType("PayoutFile", PayoutFile);

/** The answer to the mutations of payout files. */
@ObjectType({ description: "The file as it stands now." })
export class PayoutFilePayload {
  @Field(() => PayoutFile, { description: "The file." })
  readonly payoutFile!: PayoutFile;
}

/** Payout files: make, void and read. */
@Resolver(() => PayoutFile)
export class PayoutFileResolver {
  @Authorized("payouts:manage")
  @Mutation(() => PayoutFilePayload, {
    description:
      "Make a payment file of what is payable and claim that money, up to 1,000 transfers and 200 partners; what is" +
      " left goes into the next one.",
  })
  async createPayoutFile(
    @Ctx() { app, actor }: Context,
    @Arg("input", () => CreatePayoutFileInput, { description: "What it shall pay." })
    { idempotencyKey, ...input }: CreatePayoutFileInput,
  ): Promise<PayoutFilePayload> {
    const { currency, dueThrough = null, executeFrom = null, partnerIds = null } = input;
    const order = { currency, dueThrough, executeFrom, partnerIds };
    return { payoutFile: await createPayoutFile(app, actor, order, idempotencyKey) };
  }

  @Authorized("payouts:manage")
  @Mutation(() => PayoutFilePayload, {
    description: "Void a file of which no payout was marked; its money may be exported again.",
  })
  async voidPayoutFile(
    @Ctx() { app, actor }: Context,
    @Arg("input", () => VoidPayoutFileInput, { description: "The file, and why." })
    { idempotencyKey, ...input }: VoidPayoutFileInput,
  ): Promise<PayoutFilePayload> {
    return { payoutFile: await voidPayoutFile(app, actor, input, idempotencyKey) };
  }

  @Authorized("payouts:manage")
  @Query(() => PayoutFile, { description: "A payout file by its id." })
  async payoutFile(
    @Ctx() { app, actor }: Context,
    @Arg("id", () => ID, { description: "Begins with `pfl_`." }) id: string,
  ): Promise<PayoutFile> {
    return payoutFileOf(app, actor, id);
  }

  @Authorized("payouts:manage")
  @Query(() => PayoutFileConnection, { description: "The tenant's payout files, oldest first." })
  async payoutFiles(
    @Ctx() { app, actor }: Context,
    @Args(() => PageArgs) page: PageArgs,
  ): Promise<Connection<PayoutFile>> {
    const files = await payoutFilesOf(app, actor, page);
    return connectionOf("payout-files", files, page.after, () => countPayoutFiles(app, actor));
  }

  @FieldResolver(() => Money, { description: "Sum of its transfers: the message's `CtrlSum`." })
  total(@Root() { totalMinor, currency }: PayoutFile): Money {
    return new Money(totalMinor, currency);
  }

  @FieldResolver(() => String, { description: "SHA-256 of the message, in hexadecimal." })
  sha256(@Root() { sha256 }: PayoutFile): string {
    return sha256.toString("hex");
  }

  @FieldResolver(() => String, { description: "Path of its download: the message as XML, with the same access token." })
  path(@Root() { id }: PayoutFile): string {
    return `/payout-files/${id}.xml`;
  }
}
