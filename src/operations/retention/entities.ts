import { Field, ID, Int, ObjectType, registerEnumType } from "type-graphql";
import { Column, Entity, ForeignKey, Index, PrimaryColumn } from "typeorm";
import { codeColumn, idColumn, instantColumn, numberColumn } from "../../platform/columns.js";
import { Tenant } from "../../tenancy/entities.js";

/** What a change of retention is about. */
export enum RetentionKind {
  RETENTION = "RETENTION",
  PLAYER_KEY = "PLAYER_KEY",
}

registerEnumType(RetentionKind, {
  name: "RetentionKind",
  description: "What a change of retention is about.",
  valuesConfig: {
    RETENTION: { description: "For how long content and addresses are kept." },
    PLAYER_KEY: { description: "Erasing the key under which players' pseudonyms are stored." },
  },
});

/** Where a change of retention stands. */
export enum RetentionState {
  PENDING_APPROVAL = "PENDING_APPROVAL",
  ACTIVE = "ACTIVE",
  SUPERSEDED = "SUPERSEDED",
  REFUSED = "REFUSED",
}

registerEnumType(RetentionState, {
  name: "RetentionState",
  description: "Where a change of retention stands.",
  valuesConfig: {
    PENDING_APPROVAL: { description: "Proposed; a second person decides." },
    ACTIVE: { description: "In force; of a key: erased." },
    SUPERSEDED: { description: "A later one is in force." },
    REFUSED: { description: "Refused, or taken back." },
  },
});

/** What one person proposed about retention, and what a second one made of it. */
@ObjectType({ description: "What one person proposed about retention, and what a second one made of it." })
@Entity({ name: "retention_change" })
@Index("ix_retention_change_state", ["tenantId", "kind", "state"])
@ForeignKey(() => Tenant, ["tenantId"], ["id"], { name: "fk_retention_change_tenant" })
export class RetentionChange {
  @PrimaryColumn(idColumn)
  readonly tenantId!: string;

  @Field(() => ID, { description: "Begins with `rtn_`." })
  @PrimaryColumn(idColumn)
  readonly id!: string;

  @Field(() => RetentionKind, { description: "What it is about." })
  @Column({ type: "enum", enum: RetentionKind })
  readonly kind!: RetentionKind;

  @Field(() => RetentionState, { description: "Where it stands." })
  @Column({ type: "enum", enum: RetentionState, default: RetentionState.PENDING_APPROVAL })
  readonly state!: RetentionState;

  @Field(() => Int, {
    nullable: true,
    description: "Days after the end of a period for which its envelopes and transactions are kept; null: for ever.",
  })
  @Column({ ...numberColumn, nullable: true })
  readonly itemDays!: number | null;

  @Field(() => Int, {
    nullable: true,
    description: "Days for which acts keep the address and the trace they came from; null: for ever.",
  })
  @Column({ ...numberColumn, nullable: true })
  readonly originDays!: number | null;

  @Field(() => String, { description: "Why, as whoever proposed it says." })
  @Column({ type: "varchar", length: 500 })
  readonly reason!: string;

  @Field(() => String, { description: "Who proposed it." })
  @Column(codeColumn)
  readonly proposedBy!: string;

  @Field(() => Date, { description: "When it was proposed." })
  @Column(instantColumn)
  readonly proposedAt!: Date;

  @Field(() => String, { nullable: true, description: "Who approved or refused it." })
  @Column({ ...codeColumn, nullable: true })
  readonly decidedBy!: string | null;

  @Field(() => Date, { nullable: true, description: "When that was." })
  @Column({ ...instantColumn, nullable: true })
  readonly decidedAt!: Date | null;
}
