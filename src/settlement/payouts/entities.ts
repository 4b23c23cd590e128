import { Field, ID, Int, ObjectType, registerEnumType } from "type-graphql";
import { Column, Entity, ForeignKey, Index, PrimaryColumn } from "typeorm";
import { codeColumn, idColumn, instantColumn, numberColumn, totalColumn, wordColumn } from "../../platform/columns.js";
import { Partner } from "../../tenancy/entities.js";
import { Statement } from "../entities.js";
import { PayoutAccount } from "../payout-accounts/entities.js";
import { PayoutFile } from "../payout-files/entities.js";

/** Where a payout stands. */
export enum PayoutState {
  EXPORTED = "EXPORTED",
  PAID = "PAID",
  PARTLY_PAID = "PARTLY_PAID",
  REFUSED = "REFUSED",
  RETURNED = "RETURNED",
  VOIDED = "VOIDED",
}

registerEnumType(PayoutState, {
  name: "PayoutState",
  description: "Where a payout stands.",
  valuesConfig: {
    EXPORTED: { description: "In a file; the money is claimed and in no other file." },
    PAID: { description: "The bank paid it in full." },
    PARTLY_PAID: { description: "The bank paid a part of it; the rest may be exported again." },
    REFUSED: { description: "The bank did not pay it; it may be exported again." },
    RETURNED: { description: "The bank paid it and gave it back, all or a part; that may be exported again." },
    VOIDED: { description: "The bank refused the whole file; it may be exported again." },
  },
});

/** One credit transfer: money of a statement on its way to one receiver. */
@ObjectType({ description: "One credit transfer: money of a statement on its way to one receiver." })
@Entity({ name: "payout" })
@Index("uq_payout_attempt", ["tenantId", "statementId", "payee", "attempt"], { unique: true })
@Index("uq_payout_place", ["tenantId", "fileId", "place"], { unique: true })
@Index("uq_payout_end_to_end", ["tenantId", "endToEndId"], { unique: true })
@Index("ix_payout_partner", ["tenantId", "partnerId", "currency", "state"])
@ForeignKey(() => Partner, ["tenantId", "partnerId"], ["tenantId", "id"], { name: "fk_payout_partner" })
@ForeignKey(() => Statement, ["tenantId", "statementId"], ["tenantId", "id"], { name: "fk_payout_statement" })
@ForeignKey(() => PayoutFile, ["tenantId", "fileId"], ["tenantId", "id"], { name: "fk_payout_file" })
@ForeignKey(() => PayoutAccount, ["tenantId", "accountId"], ["tenantId", "id"], { name: "fk_payout_account" })
export class Payout {
  @PrimaryColumn(idColumn)
  readonly tenantId!: string;

  @Field(() => ID, { description: "Begins with `pay_`." })
  @PrimaryColumn(idColumn)
  readonly id!: string;

  @Field(() => ID, { description: "The partner whose money it is." })
  @Column(idColumn)
  readonly partnerId!: string;

  @Field(() => ID, { description: "The statement that released it." })
  @Column(idColumn)
  readonly statementId!: string;

  @Field(() => String, { description: "Which receiver of `payout.splits` gets it; empty for the partner itself." })
  @Column(codeColumn)
  readonly payee!: string;

  @Field(() => Int, { description: "Counts from 1 for each statement and receiver." })
  @Column(numberColumn)
  readonly attempt!: number;

  @Field(() => ID, { description: "The file it is in." })
  @Column(idColumn)
  readonly fileId!: string;

  /** From 1, in the order of the file. */
  @Column(numberColumn)
  readonly place!: number;

  @Column(idColumn)
  readonly accountId!: string;

  @Field(() => String, {
    description: "`EndToEndId` of the transfer: the statement's id without its prefix, and which.",
  })
  @Column(codeColumn)
  readonly endToEndId!: string;

  @Column(wordColumn)
  readonly currency!: string;

  @Column(totalColumn)
  readonly amountMinor!: bigint;

  @Field(() => String, { description: "Local date, `YYYY-MM-DD`, on which the bank is asked to pay it." })
  @Column({ type: "date" })
  readonly executeOn!: string;

  @Field(() => PayoutState, { description: "Where it stands." })
  @Column({ type: "enum", enum: PayoutState, default: PayoutState.EXPORTED })
  readonly state!: PayoutState;

  @Column({ ...totalColumn, default: 0 })
  readonly paidMinor!: bigint;

  @Column({ ...totalColumn, default: 0 })
  readonly returnedMinor!: bigint;

  @Field(() => Date, { description: "When it was exported or last marked." })
  @Column(instantColumn)
  readonly changedAt!: Date;
}
