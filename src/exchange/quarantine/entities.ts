import { Field, ID, ObjectType, registerEnumType } from "type-graphql";
import { Column, Entity, ForeignKey, Index, PrimaryColumn } from "typeorm";
import { codeColumn, idColumn, instantColumn, numberColumn } from "../../platform/columns.js";
import { Partner } from "../../tenancy/entities.js";

/** Why a batch was quarantined. */
export enum QuarantineCause {
  ASSESSMENT = "ASSESSMENT",
  PARTNER_HELD = "PARTNER_HELD",
  KEY_COMPROMISED = "KEY_COMPROMISED",
}

registerEnumType(QuarantineCause, {
  name: "QuarantineCause",
  description: "Why a batch was quarantined.",
  valuesConfig: {
    ASSESSMENT: { description: "By the tenant's threat rules, when it came in." },
    PARTNER_HELD: { description: "All that the partner sent was held when it came in." },
    KEY_COMPROMISED: { description: "Its key was revoked as compromised before the batch was posted." },
  },
});

/** What a person made of a quarantined batch. */
export enum QuarantineDecision {
  RELEASED = "RELEASED",
  REJECTED = "REJECTED",
}

registerEnumType(QuarantineDecision, {
  name: "QuarantineDecision",
  description: "What a person made of a quarantined batch.",
  valuesConfig: {
    RELEASED: { description: "It posts, late where its period is closed by now." },
    REJECTED: { description: "It never posts; its ids may be sent again." },
  },
});

/** That a batch was quarantined, and what a person decided; the row stays when that is done. */
@ObjectType({ description: "That a batch was quarantined, why, and what a person decided." })
@Entity({ name: "batch_quarantine" })
@Index("ix_batch_quarantine_open", ["tenantNo", "decision", "batchId"])
@ForeignKey(() => Partner, ["tenantNo", "partnerNo"], ["tenantNo", "no"], { name: "fk_batch_quarantine_partner" })
export class BatchQuarantine {
  @PrimaryColumn(numberColumn)
  readonly tenantNo!: number;

  @Field(() => ID, { description: "The batch." })
  @PrimaryColumn(idColumn)
  readonly batchId!: string;

  @Column(numberColumn)
  readonly partnerNo!: number;

  @Field(() => QuarantineCause, { description: "Why it was quarantined." })
  @Column({ type: "enum", enum: QuarantineCause })
  readonly cause!: QuarantineCause;

  @Field(() => Date, { description: "Since when." })
  @Column(instantColumn)
  readonly quarantinedAt!: Date;

  @Field(() => QuarantineDecision, { nullable: true, description: "What a person decided; null until one does." })
  @Column({ type: "enum", enum: QuarantineDecision, nullable: true })
  readonly decision!: QuarantineDecision | null;

  @Column({ ...codeColumn, nullable: true })
  readonly decidedBy!: string | null;

  @Field(() => Date, { nullable: true, description: "When it was decided." })
  @Column({ ...instantColumn, nullable: true })
  readonly decidedAt!: Date | null;

  @Field(() => String, { nullable: true, description: "Why it was decided so; its partner reads this too." })
  @Column({ type: "varchar", length: 500, nullable: true })
  readonly reason!: string | null;
}
