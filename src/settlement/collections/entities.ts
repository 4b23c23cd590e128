import { Field, ID, ObjectType, registerEnumType } from "type-graphql";
import { Column, Entity, ForeignKey, Index, PrimaryColumn } from "typeorm";
import { codeColumn, idColumn, instantColumn, totalColumn, wordColumn } from "../../platform/columns.js";
import { Partner } from "../../tenancy/entities.js";

/** Where money that came from a partner stands. */
export enum CollectionState {
  PENDING_APPROVAL = "PENDING_APPROVAL",
  COLLECTED = "COLLECTED",
  REFUSED = "REFUSED",
  RETURNED = "RETURNED",
}

registerEnumType(CollectionState, {
  name: "CollectionState",
  description: "Where money that came from a partner stands.",
  valuesConfig: {
    PENDING_APPROVAL: { description: "Recorded; a second person says that it came. Nothing moved yet." },
    COLLECTED: { description: "In the books: it lowers what the partner owes." },
    REFUSED: { description: "A record that was wrong; nothing moved." },
    RETURNED: { description: "Collected, and all or a part of it went back." },
  },
});

/** Money that a partner paid to the tenant, as its bank reported it. */
@ObjectType({ description: "Money that a partner paid to the tenant, as its bank reported it." })
@Entity({ name: "collection" })
@Index("ix_collection_partner", ["tenantId", "partnerId", "currency", "state"])
@Index("ix_collection_reference", ["tenantId", "bankReference"])
@ForeignKey(() => Partner, ["tenantId", "partnerId"], ["tenantId", "id"], { name: "fk_collection_partner" })
export class Collection {
  @PrimaryColumn(idColumn)
  readonly tenantId!: string;

  @Field(() => ID, { description: "Begins with `col_`." })
  @PrimaryColumn(idColumn)
  readonly id!: string;

  @Field(() => ID, { description: "The partner who paid." })
  @Column(idColumn)
  readonly partnerId!: string;

  @Field(() => CollectionState, { description: "Where it stands." })
  @Column({ type: "enum", enum: CollectionState, default: CollectionState.PENDING_APPROVAL })
  readonly state!: CollectionState;

  @Column(wordColumn)
  readonly currency!: string;

  @Column(totalColumn)
  readonly amountMinor!: bigint;

  @Column({ ...totalColumn, default: 0 })
  readonly returnedMinor!: bigint;

  @Field(() => String, { description: "The bank's own reference of the credit." })
  @Column({ type: "varchar", length: 140 })
  readonly bankReference!: string;

  @Field(() => String, { description: "The bank's value date, `YYYY-MM-DD`." })
  @Column({ type: "date" })
  readonly valueOn!: string;

  @Column(codeColumn)
  readonly recordedBy!: string;

  @Field(() => Date, { description: "When it was recorded." })
  @Column(instantColumn)
  readonly recordedAt!: Date;

  @Column({ ...codeColumn, nullable: true })
  readonly decidedBy!: string | null;

  @Field(() => Date, { nullable: true, description: "When it was approved or refused; null before." })
  @Column({ ...instantColumn, nullable: true })
  readonly decidedAt!: Date | null;
}
