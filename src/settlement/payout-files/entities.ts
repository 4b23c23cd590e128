import { Field, ID, Int, ObjectType, registerEnumType } from "type-graphql";
import { Column, Entity, ForeignKey, PrimaryColumn } from "typeorm";
import {
  codeColumn,
  idColumn,
  instantColumn,
  numberColumn,
  sha256Column,
  totalColumn,
  wordColumn,
} from "../../platform/columns.js";
import { Tenant } from "../../tenancy/entities.js";
import { PayoutAccount } from "../payout-accounts/entities.js";

/** Where a payout file stands. */
export enum PayoutFileState {
  MADE = "MADE",
  VOIDED = "VOIDED",
}

registerEnumType(PayoutFileState, {
  name: "PayoutFileState",
  description: "Where a payout file stands.",
  valuesConfig: {
    MADE: { description: "Made, to be given to the bank; each of its payouts is marked by itself." },
    VOIDED: { description: "The bank refused it, or never got it; its money may be exported again." },
  },
});

/** One payment message to the bank, made once and kept as it was made. */
@ObjectType({ description: "One ISO 20022 pain.001.001.09 message to a bank, made once and kept as it was made." })
@Entity({ name: "payout_file" })
@ForeignKey(() => Tenant, ["tenantId"], ["id"], { name: "fk_payout_file_tenant" })
@ForeignKey(() => PayoutAccount, ["tenantId", "debtorAccountId"], ["tenantId", "id"], { name: "fk_payout_file_debtor" })
export class PayoutFile {
  @PrimaryColumn(idColumn)
  readonly tenantId!: string;

  @Field(() => ID, { description: "Begins with `pfl_`; without that it is the message's `MsgId`." })
  @PrimaryColumn(idColumn)
  readonly id!: string;

  @Field(() => PayoutFileState, { description: "Where it stands." })
  @Column({ type: "enum", enum: PayoutFileState, default: PayoutFileState.MADE })
  readonly state!: PayoutFileState;

  @Column(wordColumn)
  readonly currency!: string;

  @Field(() => ID, { description: "The account that it pays from." })
  @Column(idColumn)
  readonly debtorAccountId!: string;

  @Field(() => Int, { description: "How many credit transfers it has: the message's `NbOfTxs`." })
  @Column(numberColumn)
  readonly transfers!: number;

  @Column(totalColumn)
  readonly totalMinor!: bigint;

  /** The message, compressed and sealed: it names accounts. */
  @Column({ type: "mediumblob" })
  readonly contentSealed!: Buffer;

  @Column(sha256Column)
  readonly sha256!: Buffer;

  @Field(() => String, { description: "Who made it: a client's id, or `shell`." })
  @Column(codeColumn)
  readonly madeBy!: string;

  @Field(() => Date, { description: "When it was made." })
  @Column(instantColumn)
  readonly madeAt!: Date;

  @Field(() => String, { nullable: true, description: "Who voided it: a client's id, or `shell`." })
  @Column({ ...codeColumn, nullable: true })
  readonly voidedBy!: string | null;

  @Field(() => Date, { nullable: true, description: "When it was voided." })
  @Column({ ...instantColumn, nullable: true })
  readonly voidedAt!: Date | null;
}
