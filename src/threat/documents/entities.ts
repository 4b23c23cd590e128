import { Field, ID, Int, ObjectType, registerEnumType } from "type-graphql";
import { Column, Entity, ForeignKey, Index, PrimaryColumn } from "typeorm";
import { codeColumn, idColumn, instantColumn, numberColumn, sha256Column, textColumn } from "../../platform/columns.js";
import { Tenant } from "../../tenancy/entities.js";

/** Where a version of threat rules stands. */
export enum ThreatRulesState {
  DRAFT = "DRAFT",
  ACTIVE = "ACTIVE",
  SUPERSEDED = "SUPERSEDED",
}

registerEnumType(ThreatRulesState, {
  name: "ThreatRulesState",
  description: "Where a version of threat rules stands.",
  valuesConfig: {
    DRAFT: { description: "Written down; nobody is judged by it." },
    ACTIVE: { description: "In force, in every process within seconds." },
    SUPERSEDED: { description: "A later version was activated." },
  },
});

/** A version of a tenant's threat rules; its document never changes. */
@ObjectType({ description: "A version of the tenant's threat rules. Its document never changes." })
@Entity({ name: "threat_rules" })
@Index("uq_threat_rules_version", ["tenantNo", "version"], { unique: true })
@Index("ix_threat_rules_state", ["state", "tenantNo"])
@ForeignKey(() => Tenant, ["tenantNo"], ["no"], { name: "fk_threat_rules_tenant" })
export class ThreatRules {
  @PrimaryColumn(numberColumn)
  readonly tenantNo!: number;

  @Field(() => ID, { description: "Begins with `thr_`." })
  @PrimaryColumn(idColumn)
  readonly id!: string;

  @Field(() => Int, { description: "Counts from 1." })
  @Column(numberColumn)
  readonly version!: number;

  @Field(() => ThreatRulesState, { description: "Where it stands." })
  @Column({ type: "enum", enum: ThreatRulesState, default: ThreatRulesState.DRAFT })
  readonly state!: ThreatRulesState;

  /** Canonical JSON. */
  @Column(textColumn)
  readonly document!: string;

  @Column(sha256Column)
  readonly documentSha256!: Buffer;

  @Field(() => String, { description: "Who drafted it: a client's id, or `shell`." })
  @Column(codeColumn)
  readonly draftedBy!: string;

  @Field(() => Date, { description: "When it was drafted." })
  @Column(instantColumn)
  readonly draftedAt!: Date;

  @Field(() => String, { nullable: true, description: "Who activated it; never who drafted it." })
  @Column({ ...codeColumn, nullable: true })
  readonly activatedBy!: string | null;

  @Field(() => Date, { nullable: true, description: "When it was activated." })
  @Column({ ...instantColumn, nullable: true })
  readonly activatedAt!: Date | null;
}
