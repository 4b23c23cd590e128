import { Field, ID, Int, ObjectType, registerEnumType } from "type-graphql";
import { Column, Entity, ForeignKey, Index, PrimaryColumn } from "typeorm";
import { PeriodState } from "../periods/entities.js";
import {
  codeColumn,
  idColumn,
  instantColumn,
  numberColumn,
  sha256Column,
  textColumn,
  totalColumn,
  wordColumn,
} from "../platform/columns.js";
import { Node } from "../platform/graphql.js";
import { Partner } from "../tenancy/entities.js";

/** Where a version of a configuration stands. */
export enum ConfigurationState {
  DRAFT = "DRAFT",
  PENDING_APPROVAL = "PENDING_APPROVAL",
  ACTIVE = "ACTIVE",
  SUPERSEDED = "SUPERSEDED",
}

registerEnumType(ConfigurationState, {
  name: "ConfigurationState",
  description: "Where a version of a configuration stands.",
  valuesConfig: {
    DRAFT: { description: "Written, not in force." },
    PENDING_APPROVAL: {
      description: "Submitted with its first instant; a second person puts it in force or returns it.",
    },
    ACTIVE: { description: "In force for periods that start at or after its instant." },
    SUPERSEDED: { description: "A later version is in force; periods it settled keep naming it." },
  },
});

/** What a version does to the period that holds its first instant. */
export enum MidPeriod {
  NEXT_PERIOD = "NEXT_PERIOD",
  SPLIT = "SPLIT",
}

registerEnumType(MidPeriod, {
  name: "MidPeriod",
  description: "What a version does to the period that holds its first instant.",
  valuesConfig: {
    NEXT_PERIOD: { description: "That period keeps its terms and its end; the version begins with the next one." },
    SPLIT: {
      description:
        "That period ends at the instant, at least fifteen minutes ahead, and the version settles the rest of it: two" +
        " periods with totals and statements of their own.",
    },
  },
});

/** One immutable version of how a partner is settled. */
@ObjectType({ implements: Node, description: "One immutable version of how a partner is settled." })
@Entity({ name: "configuration" })
@Index("uq_configuration_version", ["tenantId", "partnerId", "version"], { unique: true })
@ForeignKey(() => Partner, ["tenantId", "partnerId"], ["tenantId", "id"], { name: "fk_configuration_partner" })
export class Configuration {
  @PrimaryColumn(idColumn)
  readonly tenantId!: string;

  @Field(() => ID, { description: "Begins with `cfg_`." })
  @PrimaryColumn(idColumn)
  readonly id!: string;

  @Column(idColumn)
  readonly partnerId!: string;

  @Field(() => Int, { description: "Counts from 1 per partner." })
  @Column(numberColumn)
  readonly version!: number;

  @Field(() => ConfigurationState, { description: "Where it stands." })
  @Column({ type: "enum", enum: ConfigurationState, default: ConfigurationState.DRAFT })
  readonly state!: ConfigurationState;

  /** Canonical JSON of the document. */
  @Column(textColumn)
  readonly document!: string;

  @Column(sha256Column)
  readonly documentSha256!: Buffer;

  @Column(codeColumn)
  readonly draftedBy!: string;

  @Field(() => Date, { description: "When it was written." })
  @Column(instantColumn)
  readonly draftedAt!: Date;

  @Column({ ...codeColumn, nullable: true })
  readonly activatedBy!: string | null;

  @Field(() => Date, { nullable: true, description: "When it was activated." })
  @Column({ ...instantColumn, nullable: true })
  readonly activatedAt!: Date | null;

  @Field(() => Date, { nullable: true, description: "First instant it is in force, as it was submitted." })
  @Column({ ...instantColumn, nullable: true })
  readonly effectiveFrom!: Date | null;

  @Field(() => MidPeriod, { description: "What it does to the period that holds its first instant." })
  @Column({ type: "enum", enum: MidPeriod, default: MidPeriod.NEXT_PERIOD })
  readonly midPeriod!: MidPeriod;

  @Column({ ...codeColumn, nullable: true })
  readonly submittedBy!: string | null;

  @Field(() => Date, { nullable: true, description: "When it was submitted for approval." })
  @Column({ ...instantColumn, nullable: true })
  readonly submittedAt!: Date | null;
}

/** What a partner earned in a period and currency, signed. */
@ObjectType({
  implements: Node,
  description: "What a partner earned in one period and currency, signed by the platform.",
})
@Entity({ name: "statement" })
@Index("uq_statement_period", ["tenantNo", "periodNo", "currency"], { unique: true })
@Index("ix_statement_chain", ["tenantNo", "partnerNo", "currency", "endsAt"])
@Index("ix_statement_payable", ["tenantNo", "state", "currency", "partnerNo"])
@Index("ix_statement_advances", ["advancesAt"])
@ForeignKey(() => Partner, ["tenantNo", "partnerNo"], ["tenantNo", "no"], { name: "fk_statement_partner" })
export class Statement {
  @PrimaryColumn(idColumn)
  readonly tenantId!: string;

  @Field(() => ID, { description: "Begins with `stm_`." })
  @PrimaryColumn(idColumn)
  readonly id!: string;

  @Column(numberColumn)
  readonly tenantNo!: number;

  @Column(numberColumn)
  readonly partnerNo!: number;

  @Column(numberColumn)
  readonly periodNo!: number;

  @Column(wordColumn)
  readonly currency!: string;

  @Field(() => Date, { description: "First instant of its period." })
  @Column(instantColumn)
  readonly startsAt!: Date;

  @Field(() => Date, { description: "First instant after its period." })
  @Column(instantColumn)
  readonly endsAt!: Date;

  @Field(() => Date, { description: "When it was issued." })
  @Column(instantColumn)
  readonly issuedAt!: Date;

  @Field(() => ID, { description: "The configuration version it was calculated by." })
  @Column(idColumn)
  readonly configurationId!: string;

  @Field(() => String, { description: "The period's own base before carry-over: an exact decimal, or `n/d`." })
  @Column({ ...codeColumn, length: 800 })
  readonly base!: string;

  @Field(() => String, {
    description: "Loss that the statement before carried out, at most 0: an exact decimal, or `n/d`.",
  })
  @Column({ ...codeColumn, length: 800 })
  readonly carryIn!: string;

  @Field(() => String, { description: "Loss carried out, at most 0: an exact decimal, or `n/d`." })
  @Column({ ...codeColumn, length: 800 })
  readonly carryOut!: string;

  @Column(totalColumn)
  readonly openingMinor!: bigint;

  @Column(totalColumn)
  readonly earnedMinor!: bigint;

  @Column(totalColumn)
  readonly adjustmentsMinor!: bigint;

  @Column(totalColumn)
  readonly payableMinor!: bigint;

  @Column(totalColumn)
  readonly closingMinor!: bigint;

  /** What it moved onto PAYABLE: what it releases less tax and credit; below zero: to be collected. */
  @Column(totalColumn)
  readonly paidOutMinor!: bigint;

  /** What set-offs against debts of linked partners took of it; what a partner paid too much is none of that. */
  @Column({ ...totalColumn, default: 0 })
  readonly setOffMinor!: bigint;

  /** The signed document: compact JWS, `typ: quittance-statement+jws`. */
  @Column(textColumn)
  readonly jws!: string;

  @Field(() => String, {
    nullable: true,
    description: "Local date, `YYYY-MM-DD`, by which it is to be paid; null where its terms name none.",
  })
  @Column({ type: "date", nullable: true })
  readonly paymentDueOn!: string | null;

  @Field(() => PeriodState, { description: "Where it stands, from `STATEMENT_ISSUED` on." })
  @Column({ type: "enum", enum: PeriodState, default: PeriodState.STATEMENT_ISSUED })
  readonly state!: PeriodState;

  @Field(() => Date, { description: "Until then the partner may dispute it." })
  @Column(instantColumn)
  readonly disputableUntil!: Date;

  /** When it moves on without anybody's approval; null where its terms ask for people, and once it has. */
  @Column({ ...instantColumn, nullable: true })
  readonly advancesAt!: Date | null;

  /** Who approved it; null before, and where a dispute undid it. */
  @Column({ ...codeColumn, nullable: true })
  readonly approvedBy!: string | null;

  @Field(() => Date, { nullable: true, description: "When the partner acknowledged it by signature; null otherwise." })
  @Column({ ...instantColumn, nullable: true })
  readonly acknowledgedAt!: Date | null;
}
