import { Field, ID, ObjectType, registerEnumType } from "type-graphql";
import { Column, Entity, ForeignKey, Index, PrimaryColumn } from "typeorm";
import {
  codeColumn,
  idColumn,
  instantColumn,
  numberColumn,
  textColumn,
  totalColumn,
  wordColumn,
} from "../../platform/columns.js";
import { Node } from "../../platform/graphql.js";
import { Partner } from "../../tenancy/entities.js";
import { Statement } from "../entities.js";

/** Where a dispute stands. */
export enum DisputeState {
  OPEN = "OPEN",
  PENDING_APPROVAL = "PENDING_APPROVAL",
  ACCEPTED = "ACCEPTED",
  PARTLY_ACCEPTED = "PARTLY_ACCEPTED",
  REJECTED = "REJECTED",
  WITHDRAWN = "WITHDRAWN",
}

registerEnumType(DisputeState, {
  name: "DisputeState",
  description: "Where a dispute stands.",
  valuesConfig: {
    OPEN: { description: "The tenant has not answered." },
    PENDING_APPROVAL: {
      description: "An answer that moves money waits for a second person; the partner sees `OPEN` until then.",
    },
    ACCEPTED: { description: "The partner is right; an adjustment is on a later statement, unless nothing was owed." },
    PARTLY_ACCEPTED: { description: "The partner is right in part; an adjustment is on a later statement." },
    REJECTED: { description: "The statement stands as it is." },
    WITHDRAWN: { description: "The partner took it back." },
  },
});

/** What a dispute may be answered with. */
export enum DisputeOutcome {
  ACCEPTED = "ACCEPTED",
  PARTLY_ACCEPTED = "PARTLY_ACCEPTED",
  REJECTED = "REJECTED",
}

registerEnumType(DisputeOutcome, {
  name: "DisputeOutcome",
  description: "What a dispute may be answered with.",
  valuesConfig: {
    ACCEPTED: { description: "The partner is right." },
    PARTLY_ACCEPTED: { description: "The partner is right in part." },
    REJECTED: { description: "The statement stands as it is." },
  },
});

/** A partner's dispute of a statement, and what the tenant answered. */
@ObjectType({ implements: Node, description: "A partner's dispute of a statement, and what the tenant answered." })
@Entity({ name: "dispute" })
@Index("ix_dispute_statement", ["tenantId", "statementId", "id"])
@Index("ix_dispute_partner", ["tenantId", "partnerId", "id"])
@Index("ix_dispute_adjustment", ["tenantNo", "adjustmentPeriodNo"])
@ForeignKey(() => Partner, ["tenantId", "partnerId"], ["tenantId", "id"], { name: "fk_dispute_partner" })
@ForeignKey(() => Statement, ["tenantId", "statementId"], ["tenantId", "id"], { name: "fk_dispute_statement" })
export class Dispute {
  @PrimaryColumn(idColumn)
  readonly tenantId!: string;

  @Field(() => ID, { description: "Begins with `dsp_`." })
  @PrimaryColumn(idColumn)
  readonly id!: string;

  @Column(numberColumn)
  readonly tenantNo!: number;

  @Column(idColumn)
  readonly partnerId!: string;

  @Column(idColumn)
  readonly statementId!: string;

  /** The signed document that opened it. */
  @Column(idColumn)
  readonly replyId!: string;

  @Column(wordColumn)
  readonly currency!: string;

  @Column(wordColumn)
  readonly state!: DisputeState;

  @Field(() => Date, { description: "When it was opened." })
  @Column(instantColumn)
  readonly openedAt!: Date;

  /** What the tenant answers, or would: where the dispute stands by it, what it moves, and why. */
  @Column({ ...wordColumn, nullable: true })
  readonly outcome!: DisputeState | null;

  /** Positive in the partner's favour. */
  @Column({ ...totalColumn, nullable: true })
  readonly adjustmentMinor!: bigint | null;

  @Column({ ...textColumn, nullable: true })
  readonly answer!: string | null;

  @Column({ ...codeColumn, nullable: true })
  readonly answeredBy!: string | null;

  @Column({ ...codeColumn, nullable: true })
  readonly approvedBy!: string | null;

  @Field(() => Date, { nullable: true, description: "When it was answered or withdrawn; null before." })
  @Column({ ...instantColumn, nullable: true })
  readonly decidedAt!: Date | null;

  /** The period that took the adjustment; null where there is none. */
  @Column({ ...numberColumn, nullable: true })
  readonly adjustmentPeriodNo!: number | null;
}

/** The answer to every mutation of a dispute by the tenant. */
@ObjectType({ description: "The dispute as it stands now." })
export class DisputePayload {
  @Field(() => Dispute, { description: "The dispute." })
  readonly dispute!: Dispute;
}
