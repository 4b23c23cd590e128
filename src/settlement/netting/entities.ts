import { Field, ID, ObjectType } from "type-graphql";
import { Column, Entity, ForeignKey, Index, PrimaryColumn } from "typeorm";
import { idColumn, instantColumn, totalColumn, wordColumn } from "../../platform/columns.js";
import { Partner } from "../../tenancy/entities.js";

/** Opposite debts of two linked partners, set off against each other; never changed. */
@ObjectType("SetOff", { description: "Opposite debts of two linked partners, set off against each other." })
@Entity({ name: "set_off" })
@Index("ix_set_off_creditor", ["tenantId", "creditorId", "id"])
@Index("ix_set_off_debtor", ["tenantId", "debtorId", "id"])
@ForeignKey(() => Partner, ["tenantId", "creditorId"], ["tenantId", "id"], { name: "fk_set_off_creditor" })
@ForeignKey(() => Partner, ["tenantId", "debtorId"], ["tenantId", "id"], { name: "fk_set_off_debtor" })
export class StoredSetOff {
  @PrimaryColumn(idColumn)
  readonly tenantId!: string;

  @Field(() => ID, { description: "Begins with `set_`." })
  @PrimaryColumn(idColumn)
  readonly id!: string;

  @Field(() => ID, { description: "The partner whom the tenant owed." })
  @Column(idColumn)
  readonly creditorId!: string;

  @Field(() => ID, { description: "The partner who owed the tenant." })
  @Column(idColumn)
  readonly debtorId!: string;

  @Column(wordColumn)
  readonly currency!: string;

  @Column(totalColumn)
  readonly owedToCreditorMinor!: bigint;

  @Column(totalColumn)
  readonly owedByDebtorMinor!: bigint;

  @Column(totalColumn)
  readonly amountMinor!: bigint;

  @Field(() => Date, { description: "When." })
  @Column(instantColumn)
  readonly setOffAt!: Date;
}
