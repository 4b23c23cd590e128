import { Field, ID, ObjectType } from "type-graphql";
import { Column, Entity, ForeignKey, Index, PrimaryColumn } from "typeorm";
import { codeColumn, idColumn, instantColumn, numberColumn } from "../../platform/columns.js";
import { Tenant } from "../../tenancy/entities.js";
import { ThreatSubject } from "../entities.js";

/** That a client may ask for nothing, or that what a partner sends is quarantined; lifted ones stay as a record. */
@ObjectType({
  description:
    "That a client is refused whatever it asks (`QUARANTINED`), or that every new batch of a partner is quarantined.",
})
@Entity({ name: "threat_block" })
@Index("uq_threat_block_standing", ["tenantNo", "subjectId", "standing"], { unique: true })
@Index("ix_threat_block_standing", ["standing", "expiresAt"])
@ForeignKey(() => Tenant, ["tenantNo"], ["no"], { name: "fk_threat_block_tenant" })
export class ThreatBlock {
  @PrimaryColumn(numberColumn)
  readonly tenantNo!: number;

  @Field(() => ID, { description: "Begins with `blk_`." })
  @PrimaryColumn(idColumn)
  readonly id!: string;

  @Field(() => ThreatSubject, { description: "`CLIENT` or `PARTNER`." })
  @Column({ type: "enum", enum: ThreatSubject })
  readonly subject!: ThreatSubject;

  @Field(() => ID, { description: "The client or partner." })
  @Column(idColumn)
  readonly subjectId!: string;

  /** The partner, or that of the client; 0 for a client of the tenant's own. */
  @Column(numberColumn)
  readonly partnerNo!: number;

  @Field(() => ID, { nullable: true, description: "The assessment that made it; null where a person did." })
  @Column({ ...idColumn, nullable: true })
  readonly assessmentId!: string | null;

  @Field(() => String, { description: "Why." })
  @Column({ type: "varchar", length: 500 })
  readonly reason!: string;

  @Field(() => String, { description: "Who made it: a client's id, `shell` or `system`." })
  @Column(codeColumn)
  readonly blockedBy!: string;

  @Field(() => Date, { description: "Since when." })
  @Column(instantColumn)
  readonly blockedAt!: Date;

  @Field(() => Date, { nullable: true, description: "When it ends by itself; null: when a person lifts it." })
  @Column({ ...instantColumn, nullable: true })
  readonly expiresAt!: Date | null;

  @Field(() => String, { nullable: true, description: "Who lifted it; `system` where it ended by itself." })
  @Column({ ...codeColumn, nullable: true })
  readonly liftedBy!: string | null;

  @Field(() => Date, { nullable: true, description: "When it was lifted; null while it stands." })
  @Column({ ...instantColumn, nullable: true })
  readonly liftedAt!: Date | null;

  @Field(() => String, { nullable: true, description: "Why it was lifted." })
  @Column({ type: "varchar", length: 500, nullable: true })
  readonly liftReason!: string | null;

  /** 1 while it stands, else null: so a subject has one standing block. */
  @Column({ type: "tinyint", unsigned: true, nullable: true })
  readonly standing!: number | null;
}
