import {
  Arg,
  Args,
  Authorized,
  Ctx,
  Field,
  FieldResolver,
  ID,
  Int,
  Mutation,
  ObjectType,
  Query,
  Resolver,
  Root,
} from "type-graphql";
import { SettlementPeriod } from "../../periods/entities.js";
import { periodsByNumber } from "../../periods/service.js";
import { type Connection, type Context, connectionOf, connectionType, Decimal, Money } from "../../platform/graphql.js";
import { Partner } from "../../tenancy/entities.js";
import { partnerOf } from "../../tenancy/service.js";
import { disputeIn } from "../corrections/service.js";
import { Statement } from "../entities.js";
import { StatementReply } from "../replies/entities.js";
import { acknowledgementsOf, repliesById } from "../replies/service.js";
import type { DisputeContent } from "../reply-schema.js";
import { statementOf } from "../statements/service.js";
import { Dispute, DisputeState } from "./entities.js";
import { DisputesArgs, PartnerDisputesArgs, SignedReplyInput } from "./inputs.js";
import {
  acknowledgeStatement,
  countDisputes,
  disputeOf,
  disputeReplied,
  disputeStatement,
  disputesOf,
  isDecided,
  withdrawDispute,
} from "./service.js";

const DisputeConnection = connectionType("Dispute", Dispute);

/** The answer to `acknowledgeStatement`. */
@ObjectType({ description: "The statement as it stands now." })
export class AcknowledgeStatementPayload {
  @Field(() => Statement, { description: "The statement." })
  readonly statement!: Statement;

  @Field(() => Boolean, { description: "Whether this document had been taken before." })
  readonly replayed!: boolean;
}

/** The answer to mutations of a dispute by the partner. */
@ObjectType({ description: "The dispute as it stands now." })
export class SignedDisputePayload {
  @Field(() => Dispute, { description: "The dispute." })
  readonly dispute!: Dispute;

  @Field(() => Boolean, { description: "Whether this document had been taken before." })
  readonly replayed!: boolean;
}

/** A line of a statement that is disputed. */
@ObjectType({ description: "A line of a statement that is disputed." })
export class DisputedLine {
  @Field(() => Int, { description: "Which of the statement's `lines`, from 0." })
  readonly line!: number;

  @Field(() => Decimal, { nullable: true, description: "What its amount should be; null where none is claimed." })
  readonly claimed!: string | null;

  @Field(() => String, { nullable: true, description: "What is wrong with that line." })
  readonly reason!: string | null;
}

/** What a dispute stands on. */
@ObjectType({ description: "What a dispute stands on." })
export class DisputeEvidence {
  @Field(() => String, { description: "`TRANSACTION`, `BATCH` or `DOCUMENT`." })
  readonly kind!: string;

  @Field(() => String, { description: "A transaction's own id, a batch's id or `jti`, or the name of a document." })
  readonly id!: string;

  @Field(() => String, {
    nullable: true,
    description: "SHA-256 of a batch's payload or of a document, in hexadecimal.",
  })
  readonly sha256!: string | null;

  @Field(() => String, { nullable: true, description: "What it shows." })
  readonly text!: string | null;
}

/** Replies of partners: acknowledge, dispute, withdraw, read. */
@Resolver(() => Dispute)
export class DisputeResolver {
  @Authorized("batches:submit")
  @Mutation(() => AcknowledgeStatementPayload, {
    description:
      "Say by signature (`quittance-acknowledgement+jws`) that a statement is right: it can be disputed no more.",
  })
  async acknowledgeStatement(
    @Ctx() { app, actor }: Context,
    @Arg("input", () => SignedReplyInput, { description: "The signed acknowledgement." }) { jws }: SignedReplyInput,
  ): Promise<AcknowledgeStatementPayload> {
    const { reply, replayed } = await acknowledgeStatement(app, actor, jws);
    return { statement: await statementOf(app, actor, reply.statementId), replayed };
  }

  @Authorized("batches:submit")
  @Mutation(() => SignedDisputePayload, {
    description: "Dispute lines of a statement by signature (`quittance-dispute+jws`), within its window.",
  })
  async disputeStatement(
    @Ctx() { app, actor }: Context,
    @Arg("input", () => SignedReplyInput, { description: "The signed dispute." }) { jws }: SignedReplyInput,
  ): Promise<SignedDisputePayload> {
    const replied = await disputeStatement(app, actor, jws);
    return { dispute: await disputeReplied(app, actor, replied), replayed: replied.replayed };
  }

  @Authorized("batches:submit")
  @Mutation(() => SignedDisputePayload, {
    description: "Take back a dispute by signature (`quittance-dispute-withdrawal+jws`), before it is answered.",
  })
  async withdrawDispute(
    @Ctx() { app, actor }: Context,
    @Arg("input", () => SignedReplyInput, { description: "The signed withdrawal." }) { jws }: SignedReplyInput,
  ): Promise<SignedDisputePayload> {
    const replied = await withdrawDispute(app, actor, jws);
    return { dispute: await disputeReplied(app, actor, replied), replayed: replied.replayed };
  }

  @Authorized("settlements:read")
  @Query(() => Dispute, { description: "A dispute by its id." })
  async dispute(
    @Ctx() { app, actor }: Context,
    @Arg("id", () => ID, { description: "Begins with `dsp_`." }) id: string,
  ): Promise<Dispute> {
    return disputeOf(app, actor, id);
  }

  @Authorized("settlements:read")
  @Query(() => DisputeConnection, { description: "Disputes of the tenant or of one partner, oldest first." })
  async disputes(
    @Ctx() { app, actor }: Context,
    @Args(() => PartnerDisputesArgs) args: PartnerDisputesArgs,
  ): Promise<Connection<Dispute>> {
    const { partnerId = null, state = null } = args;
    if (partnerId !== null) await partnerOf(app, actor, partnerId);
    const filter = { partnerId, statementId: null, state };
    const page = await disputesOf(app, actor, filter, args);
    return connectionOf("disputes", page, args.after, () => countDisputes(app, actor, filter));
  }

  @FieldResolver(() => DisputeState, { description: "Where it stands; a partner sees `OPEN` until an answer stands." })
  state(@Ctx() { actor }: Context, @Root() dispute: Dispute): DisputeState {
    return actor.partnerId === null || isDecided(dispute) ? dispute.state : DisputeState.OPEN;
  }

  @FieldResolver(() => Partner, { description: "The partner who disputes." })
  async partner(@Ctx() { app, actor }: Context, @Root() { partnerId }: Dispute): Promise<Partner> {
    return partnerOf(app, actor, partnerId);
  }

  @FieldResolver(() => Statement, { description: "The statement that is disputed." })
  async statement(@Ctx() { app, actor }: Context, @Root() { statementId }: Dispute): Promise<Statement> {
    return statementOf(app, actor, statementId);
  }

  @FieldResolver(() => StatementReply, { description: "What the partner signed." })
  signed(@Ctx() context: Context, @Root() dispute: Dispute): Promise<StatementReply> {
    return replyOf(context, dispute);
  }

  @FieldResolver(() => String, { description: "What is disputed, in the partner's words." })
  async reason(@Ctx() context: Context, @Root() dispute: Dispute): Promise<string> {
    return (await contentOf(context, dispute)).reason;
  }

  @FieldResolver(() => [DisputedLine], { description: "The lines that are disputed; at most 100." })
  async lines(@Ctx() context: Context, @Root() dispute: Dispute): Promise<DisputedLine[]> {
    const { lines } = await contentOf(context, dispute);
    return lines.map(({ line, claimed = null, reason = null }) => ({ line, claimed, reason }));
  }

  @FieldResolver(() => [DisputeEvidence], { description: "What it stands on; at most 100." })
  async evidence(@Ctx() context: Context, @Root() dispute: Dispute): Promise<DisputeEvidence[]> {
    const { evidence = [] } = await contentOf(context, dispute);
    return evidence.map(({ kind, id, sha256 = null, text = null }) => ({ kind, id, sha256, text }));
  }

  @FieldResolver(() => String, { nullable: true, description: "The tenant's reason; null until an answer stands." })
  answer(@Ctx() { actor }: Context, @Root() dispute: Dispute): string | null {
    return isSeen(actor, dispute) ? dispute.answer : null;
  }

  @FieldResolver(() => Money, {
    nullable: true,
    description: "What is put right, positive in the partner's favour; null until an answer stands.",
  })
  adjustment(@Ctx() { actor }: Context, @Root() dispute: Dispute): Money | null {
    const { adjustmentMinor, currency } = dispute;
    return adjustmentMinor === null || !isSeen(actor, dispute) ? null : new Money(adjustmentMinor, currency);
  }

  @FieldResolver(() => SettlementPeriod, {
    nullable: true,
    description: "The period whose statement has the adjustment's line; null where there is none.",
  })
  async adjustmentPeriod(
    @Ctx() { app, actor }: Context,
    @Root() { adjustmentPeriodNo: no }: Dispute,
  ): Promise<SettlementPeriod | null> {
    if (no === null) return null;
    return (await periodsByNumber(app.database.manager, actor.tenantNo, [no])).get(no) ?? null;
  }

  @FieldResolver(() => String, { nullable: true, description: "Who answered; for the tenant's own people only." })
  answeredBy(@Ctx() { actor }: Context, @Root() { answeredBy }: Dispute): string | null {
    return actor.partnerId === null ? answeredBy : null;
  }
}

/** What partners replied to a statement. */
@Resolver(() => Statement)
export class StatementReplyResolver {
  @FieldResolver(() => StatementReply, { nullable: true, description: "The partner's signed word that it is right." })
  acknowledgement(@Ctx() { app, actor, loaders }: Context, @Root() { id }: Statement): Promise<StatementReply | null> {
    const load = (ids: readonly string[]) => acknowledgementsOf(app, actor.tenantId, ids);
    return loaders.of("acknowledgement", load).load(id);
  }

  @FieldResolver(() => DisputeConnection, { description: "Its disputes, oldest first; all, or those in one state." })
  async disputes(
    @Ctx() { app, actor }: Context,
    @Root() { id: statementId }: Statement,
    @Args(() => DisputesArgs) args: DisputesArgs,
  ): Promise<Connection<Dispute>> {
    const filter = { partnerId: null, statementId, state: args.state ?? null };
    const page = await disputesOf(app, actor, filter, args);
    return connectionOf("disputes", page, args.after, () => countDisputes(app, actor, filter));
  }
}

function replyOf({ app, actor, loaders }: Context, { replyId }: Dispute): Promise<StatementReply> {
  return loaders.of("reply", (ids: readonly string[]) => repliesById(app, actor.tenantId, ids)).load(replyId);
}

async function contentOf(context: Context, dispute: Dispute): Promise<DisputeContent> {
  return disputeIn((await replyOf(context, dispute)).jws);
}

function isSeen({ partnerId }: Context["actor"], dispute: Dispute): boolean {
  return partnerId === null || isDecided(dispute);
}
