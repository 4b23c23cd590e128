import { Field, ID, Int, ObjectType, registerEnumType } from "type-graphql";
import { Column, Entity, ForeignKey, Index, PrimaryGeneratedColumn } from "typeorm";
import { TransactionKind } from "../periods/entities.js";
import {
  bigintText,
  codeColumn,
  counterColumn,
  hash16Column,
  idColumn,
  instantColumn,
  minorColumn,
  numberColumn,
  sha256Column,
  wordColumn,
} from "../platform/columns.js";
import { Node } from "../platform/graphql.js";
import { Partner } from "../tenancy/entities.js";

/** Where a batch stands. */
export enum BatchState {
  ACCEPTED = "ACCEPTED",
  POSTED = "POSTED",
  PARKED = "PARKED",
  QUARANTINED = "QUARANTINED",
  REJECTED = "REJECTED",
}

registerEnumType(BatchState, {
  name: "BatchState",
  description: "Where a batch stands.",
  valuesConfig: {
    ACCEPTED: { description: "Stored for good, receipted, waiting to be posted." },
    POSTED: { description: "Every item has its outcome; what was good is in the ledger." },
    PARKED: { description: "Set aside after it could not be posted; a person decides." },
    QUARANTINED: { description: "Stored and receipted, not posted: it looks suspicious, and a person decides." },
    REJECTED: {
      description: "Quarantined before, and refused by a person: it never posts. Its ids may be sent again.",
    },
  },
});

/** Whether one bad item refuses the whole batch. */
export enum BatchMode {
  INDEPENDENT = "INDEPENDENT",
  ATOMIC = "ATOMIC",
}

registerEnumType(BatchMode, {
  name: "BatchMode",
  description: "Whether one bad item refuses the whole batch.",
  valuesConfig: {
    INDEPENDENT: { description: "Good items post, bad ones are refused one by one." },
    ATOMIC: { description: "One bad item refuses all; a duplicate is not bad." },
  },
});

/** A signed batch of transactions, as accepted. */
@ObjectType({
  implements: Node,
  description: "A signed batch of transactions, kept byte for byte as it was received.",
})
@Entity({ name: "batch" })
@Index("uq_batch_id", ["tenantNo", "id"], { unique: true })
@Index("uq_batch_jti", ["tenantNo", "issuerNo", "jtiHash"], { unique: true })
@Index("ix_batch_kept", ["tenantNo", "partnerNo", "removedAt"])
@Index("ix_batch_partner", ["tenantNo", "partnerNo"])
@Index("ix_batch_kid", ["tenantNo", "kid"])
@Index("ix_batch_queue", ["state", "tenantNo", "partnerNo", "no", "payloadBytes", "acceptedAt"])
@ForeignKey(() => Partner, ["tenantNo", "partnerNo"], ["tenantNo", "no"], { name: "fk_batch_partner" })
export class Batch {
  /** The receipt's `sequence`: unique and growing within a tenant, not contiguous. */
  @PrimaryGeneratedColumn({ type: "bigint", unsigned: true })
  readonly no!: string;

  @Column(numberColumn)
  readonly tenantNo!: number;

  /** The partner whose account it is. */
  @Column(numberColumn)
  readonly partnerNo!: number;

  /** Number of the partner that signed; 0 for the tenant. */
  @Column(numberColumn)
  readonly issuerNo!: number;

  @Field(() => ID, { description: "Begins with `bat_`." })
  @Column(idColumn)
  readonly id!: string;

  @Field(() => String, {
    nullable: true,
    description: "The signer's own id for it: the payload's `jti`. Null once its content was removed.",
  })
  @Column({ ...codeColumn, nullable: true })
  readonly jti!: string | null;

  /** First 16 bytes of SHA-256 over tenant, signer and `jti`: a payload is accepted once, for ever. */
  @Column(hash16Column)
  readonly jtiHash!: Buffer;

  @Field(() => String, { description: "The key that signed it, as its header names it." })
  @Column({ ...codeColumn, length: 128 })
  readonly kid!: string;

  @Column(idColumn)
  readonly clientId!: string;

  @Field(() => BatchMode, { description: "Whether one bad item refuses the whole batch." })
  @Column({ type: "enum", enum: BatchMode })
  readonly mode!: BatchMode;

  @Field(() => BatchState, { description: "Where it stands." })
  @Column({ type: "enum", enum: BatchState, default: BatchState.ACCEPTED })
  readonly state!: BatchState;

  @Field(() => Int, { description: "How many transactions it carries." })
  @Column(numberColumn)
  readonly itemCount!: number;

  @Column(numberColumn)
  readonly payloadBytes!: number;

  @Column(sha256Column)
  readonly payloadSha256!: Buffer;

  /** The tenant's encryption key that opened it; null where it came signed alone. */
  @Column({ ...codeColumn, length: 128, nullable: true })
  readonly encryptionKid!: string | null;

  /** Of the encrypted bytes as they came. */
  @Column({ ...sha256Column, nullable: true })
  readonly encryptedSha256!: Buffer | null;

  /** Leaf hash of the act of its acceptance; the receipt states it. */
  @Column(sha256Column)
  readonly leafHash!: Buffer;

  /** The platform key that signs its receipt. */
  @Column({ ...codeColumn, length: 128 })
  readonly platformKid!: string;

  @Field(() => Date, { description: "When it was accepted." })
  @Column(instantColumn)
  readonly acceptedAt!: Date;

  @Field(() => Date, { nullable: true, description: "When its items got their outcomes." })
  @Column({ ...instantColumn, nullable: true })
  readonly postedAt!: Date | null;

  @Field(() => Int, { nullable: true, description: "Items posted; null until then." })
  @Column({ ...numberColumn, nullable: true })
  readonly postedCount!: number | null;

  @Field(() => Int, { nullable: true, description: "Items that were known already; null until posted." })
  @Column({ ...numberColumn, nullable: true })
  readonly duplicateCount!: number | null;

  @Field(() => Int, { nullable: true, description: "Rollbacks that wait for their original; null until posted." })
  @Column({ ...numberColumn, nullable: true })
  readonly pendingCount!: number | null;

  @Field(() => Int, { nullable: true, description: "Items refused, each with its code; null until posted." })
  @Column({ ...numberColumn, nullable: true })
  readonly refusedCount!: number | null;

  /** Version of the partner's balances that shows its postings. */
  @Column({ ...counterColumn, nullable: true })
  readonly ledgerVersion!: bigint | null;

  /** How often it was tried while it was suspect: after a failure, or after its worker may have died of it. */
  @Column({ type: "tinyint", unsigned: true, default: 0 })
  readonly tries!: number;

  @Field(() => String, { nullable: true, description: "Why it is parked." })
  @Column({ type: "varchar", length: 500, nullable: true })
  readonly parkedReason!: string | null;

  @Field(() => Date, {
    nullable: true,
    description: "When its content and transactions were exported and removed, after the tenant's retention.",
  })
  @Column({ ...instantColumn, nullable: true })
  readonly removedAt!: Date | null;

  /** How many ids of its transactions stay as hashes; null until it is removed. */
  @Column({ ...numberColumn, nullable: true })
  readonly takenCount!: number | null;
}

/** Where one transaction stands. */
export enum TransactionState {
  POSTED = "POSTED",
  PENDING_ORIGINAL = "PENDING_ORIGINAL",
  REFUSED = "REFUSED",
}

registerEnumType(TransactionState, {
  name: "TransactionState",
  description: "Where one transaction stands.",
  valuesConfig: {
    POSTED: { description: "In the ledger and in its period's totals." },
    PENDING_ORIGINAL: { description: "A rollback whose original has not come yet; posts together with it." },
    REFUSED: { description: "A rollback that did not fit its original when that came." },
  },
});

/** One thing a partner reported, by its own id; never changed once posted. */
@ObjectType({ description: "One thing a partner reported, known by the partner's own id." })
@Entity({ name: "transaction" })
@Index("uq_transaction_dedupe", ["dedupe"], { unique: true })
@Index("ix_transaction_period", ["tenantNo", "partnerNo", "periodNo"])
export class Transaction {
  @PrimaryGeneratedColumn({ type: "bigint", unsigned: true })
  readonly no!: string;

  @Column(numberColumn)
  readonly tenantNo!: number;

  @Column(numberColumn)
  readonly partnerNo!: number;

  /** First 16 bytes of SHA-256 over tenant, partner and external id: posts once, for ever. */
  @Column(hash16Column)
  readonly dedupe!: Buffer;

  /** First 16 bytes of SHA-256 over its content after parsing; tells a duplicate from a mismatch. */
  @Column(hash16Column)
  readonly contentHash!: Buffer;

  @Field(() => String, { description: "The partner's id for it." })
  @Column(codeColumn)
  readonly externalId!: string;

  @Field(() => TransactionKind, { description: "What it is." })
  @Column({ type: "enum", enum: TransactionKind })
  readonly kind!: TransactionKind;

  @Field(() => TransactionState, { description: "Where it stands." })
  @Column({ type: "enum", enum: TransactionState })
  readonly state!: TransactionState;

  /** As that of its product, 0 for none. */
  @Column(numberColumn)
  readonly brandNo!: number;

  @Column(numberColumn)
  readonly productNo!: number;

  @Field(() => String, { nullable: true, description: "The round it belongs to, as the partner names it." })
  @Column({ ...codeColumn, nullable: true })
  readonly round!: string | null;

  /** The player's pseudonym under the tenant's key. */
  @Column({ ...hash16Column, nullable: true })
  readonly player!: Buffer | null;

  @Field(() => String, { nullable: true, description: "A fee's category: PAYMENT, PLATFORM, PROVIDER, TAX or OTHER." })
  @Column({ ...wordColumn, nullable: true })
  readonly category!: string | null;

  @Column({ type: "bigint", transformer: bigintText, nullable: true })
  readonly units!: bigint | null;

  @Column(minorColumn)
  readonly amountMinor!: bigint;

  @Column(wordColumn)
  readonly currency!: string;

  @Field(() => Date, { description: "When the partner says it happened." })
  @Column(instantColumn)
  readonly occurredAt!: Date;

  @Field(() => String, { nullable: true, description: "External id of what a rollback reverses." })
  @Column({ ...codeColumn, nullable: true })
  readonly reverses!: string | null;

  /** 0 while a rollback waits for its original. */
  @Column(numberColumn)
  readonly periodNo!: number;

  @Column(numberColumn)
  readonly originPeriodNo!: number;

  /** 0 while a rollback waits for its original. */
  @Column(counterColumn)
  readonly entryNo!: bigint;

  @Column(counterColumn)
  readonly batchNo!: bigint;

  @Field(() => Int, { description: "Its place in its batch, from 0." })
  @Column({ type: "smallint", unsigned: true })
  readonly item!: number;
}
