import { Field, ID, ObjectType, registerEnumType } from "type-graphql";
import { Column, Entity, ForeignKey, Index, PrimaryColumn } from "typeorm";
import { codeColumn, idColumn, instantColumn, nameColumn, sha256Column, wordColumn } from "../../platform/columns.js";
import { CurrencyCode } from "../../platform/graphql.js";
import { Partner, Tenant } from "../../tenancy/entities.js";

/** Where a payout account stands. */
export enum PayoutAccountState {
  PENDING_APPROVAL = "PENDING_APPROVAL",
  ACTIVE = "ACTIVE",
  SUPERSEDED = "SUPERSEDED",
  REFUSED = "REFUSED",
}

registerEnumType(PayoutAccountState, {
  name: "PayoutAccountState",
  description: "Where a payout account stands.",
  valuesConfig: {
    PENDING_APPROVAL: { description: "Registered; a second person approves or refuses it." },
    ACTIVE: { description: "In use: the next file pays to it, or from it." },
    SUPERSEDED: { description: "Another was approved in its place." },
    REFUSED: { description: "Not approved, and never will be." },
  },
});

/** A bank account that money is paid to, or of the tenant's own from. Never changed: a new one takes its place. */
@ObjectType({
  description:
    "A bank account that a partner is paid to, or that the tenant pays from. It never changes: a new one that is" +
    " approved takes its place.",
})
@Entity({ name: "payout_account" })
@Index("ix_payout_account_use", ["tenantId", "partnerId", "currency", "payee", "state"])
@ForeignKey(() => Tenant, ["tenantId"], ["id"], { name: "fk_payout_account_tenant" })
@ForeignKey(() => Partner, ["tenantId", "partnerId"], ["tenantId", "id"], { name: "fk_payout_account_partner" })
export class PayoutAccount {
  @PrimaryColumn(idColumn)
  readonly tenantId!: string;

  @Field(() => ID, { description: "Begins with `pac_`." })
  @PrimaryColumn(idColumn)
  readonly id!: string;

  @Field(() => ID, {
    nullable: true,
    description: "The partner that is paid to it; null where the tenant pays from it.",
  })
  @Column({ ...idColumn, nullable: true })
  readonly partnerId!: string | null;

  @Field(() => String, {
    description: "Which receiver of the configuration's `payout.splits` it belongs to; empty for the partner itself.",
  })
  @Column(codeColumn)
  readonly payee!: string;

  @Field(() => CurrencyCode, { description: "The currency that is paid to it or from it." })
  @Column(wordColumn)
  readonly currency!: string;

  @Field(() => PayoutAccountState, { description: "Where it stands." })
  @Column({ type: "enum", enum: PayoutAccountState, default: PayoutAccountState.PENDING_APPROVAL })
  readonly state!: PayoutAccountState;

  @Field(() => String, { description: "Whose account it is, as they write it." })
  @Column(nameColumn)
  readonly holderName!: string;

  @Field(() => String, { description: "The same in the letters that every bank takes, as files spell it." })
  @Column(nameColumn)
  readonly latinName!: string;

  @Field(() => String, { description: "Country of the holder's address: ISO 3166-1, two letters." })
  @Column(wordColumn)
  readonly country!: string;

  @Field(() => String, { nullable: true, description: "Town of the holder's address, in the letters that banks take." })
  @Column({ ...nameColumn, nullable: true })
  readonly town!: string | null;

  @Field(() => Boolean, { description: "Whether its number is an IBAN." })
  @Column({ type: "boolean" })
  readonly isIban!: boolean;

  @Column({ type: "varbinary", length: 128 })
  readonly numberSealed!: Buffer;

  @Column(codeColumn)
  readonly numberMasked!: string;

  /** Of the number and its bank, under the master key: tells two accounts apart where neither may be shown. */
  @Column(sha256Column)
  readonly fingerprint!: Buffer;

  @Field(() => String, { nullable: true, description: "Its bank (ISO 9362)." })
  @Column({ ...wordColumn, nullable: true })
  readonly bic!: string | null;

  @Field(() => String, { nullable: true, description: "National clearing system of its bank, e.g. `KRBOK`." })
  @Column({ ...wordColumn, nullable: true })
  readonly clearingSystem!: string | null;

  @Field(() => String, { nullable: true, description: "Its bank's code in that system." })
  @Column({ ...wordColumn, nullable: true })
  readonly clearingMember!: string | null;

  @Column(codeColumn)
  readonly registeredBy!: string;

  @Field(() => Date, { description: "When it was registered." })
  @Column(instantColumn)
  readonly registeredAt!: Date;

  @Column({ ...codeColumn, nullable: true })
  readonly decidedBy!: string | null;

  @Field(() => Date, { nullable: true, description: "When it was approved or refused." })
  @Column({ ...instantColumn, nullable: true })
  readonly decidedAt!: Date | null;

  @Field(() => Date, { nullable: true, description: "When another took its place." })
  @Column({ ...instantColumn, nullable: true })
  readonly supersededAt!: Date | null;
}
