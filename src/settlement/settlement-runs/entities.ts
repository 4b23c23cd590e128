import { Field, ID, Int, ObjectType, registerEnumType } from "type-graphql";
import { Column, Entity, ForeignKey, Index, PrimaryColumn } from "typeorm";
import { codeColumn, idColumn, instantColumn, numberColumn, wordColumn } from "../../platform/columns.js";
import { Node } from "../../platform/graphql.js";
import { Partner } from "../../tenancy/entities.js";

/** Where a run, or a partner of one, stands. */
export enum RunState {
  WAITING = "WAITING",
  RUNNING = "RUNNING",
  SUCCEEDED = "SUCCEEDED",
  FAILED = "FAILED",
  CANCELLED = "CANCELLED",
}

registerEnumType(RunState, {
  name: "RunState",
  description: "Where a settlement run, or a partner of one, stands.",
  valuesConfig: {
    WAITING: { description: "Nobody has begun with it." },
    RUNNING: { description: "Somebody is at work, or will take it up again." },
    SUCCEEDED: { description: "Everything that was due is settled." },
    FAILED: { description: "The partner was refused with a reason; of a run: at least one partner failed." },
    CANCELLED: { description: "Stopped by a person. What was settled before stays settled." },
  },
});

/** What is being done with a period. */
export enum RunStage {
  FENCE = "FENCE",
  TOTALS = "TOTALS",
  TERMS = "TERMS",
  STATEMENT = "STATEMENT",
}

registerEnumType(RunStage, {
  name: "RunStage",
  description: "What is being done with a period, in this order.",
  valuesConfig: {
    FENCE: { description: "What was accepted is posted, then the period is closed." },
    TOTALS: { description: "Its totals, and what the statement before left, are read." },
    TERMS: { description: "The terms are calculated and the statements signed." },
    STATEMENT: { description: "Statements, entries and acts are stored together." },
  },
});

/** One order to settle several partners. */
@ObjectType({ implements: Node, description: "One order to settle several partners, each by itself." })
@Entity({ name: "settlement_run" })
@Index("ix_settlement_run_state", ["state"])
export class SettlementRun {
  @PrimaryColumn(numberColumn)
  readonly tenantNo!: number;

  @Field(() => ID, { description: "Begins with `run_`." })
  @PrimaryColumn(idColumn)
  readonly id!: string;

  @Field(() => RunState, { description: "Where it stands." })
  @Column(wordColumn)
  readonly state!: RunState;

  @Field(() => Date, { description: "Periods that end by then, and are due, are settled." })
  @Column(instantColumn)
  readonly throughAt!: Date;

  @Field(() => String, { description: "Who started it: a client's id, or `shell`." })
  @Column(codeColumn)
  readonly startedBy!: string;

  @Field(() => Date, { description: "When it was started." })
  @Column(instantColumn)
  readonly startedAt!: Date;

  @Field(() => Date, { nullable: true, description: "When it ended; null before." })
  @Column({ ...instantColumn, nullable: true })
  readonly endedAt!: Date | null;
}

/** A partner of a run. */
@ObjectType({ description: "A partner of a settlement run." })
@Entity({ name: "settlement_run_partner" })
@ForeignKey(() => Partner, ["tenantNo", "partnerNo"], ["tenantNo", "no"], { name: "fk_settlement_run_partner" })
export class SettlementRunPartner {
  @PrimaryColumn(numberColumn)
  readonly tenantNo!: number;

  @PrimaryColumn(idColumn)
  readonly runId!: string;

  @PrimaryColumn(numberColumn)
  readonly partnerNo!: number;

  @Field(() => RunState, { description: "Where it stands." })
  @Column(wordColumn)
  readonly state!: RunState;

  @Field(() => RunStage, { nullable: true, description: "What was begun last; null before." })
  @Column({ ...wordColumn, nullable: true })
  readonly stage!: RunStage | null;

  @Field(() => ID, { nullable: true, description: "The period that it was begun with; null before." })
  @Column({ ...idColumn, nullable: true })
  readonly periodId!: string | null;

  @Field(() => Int, { nullable: true, description: "Periods that were left to settle then, this one among them." })
  @Column({ ...numberColumn, nullable: true })
  readonly periodsLeft!: number | null;

  @Field(() => String, { nullable: true, description: "The code of what it was refused with; null otherwise." })
  @Column({ ...wordColumn, nullable: true })
  readonly code!: string | null;

  @Field(() => String, { nullable: true, description: "The reason in words; null otherwise." })
  @Column({ type: "varchar", length: 500, nullable: true })
  readonly reason!: string | null;
}
