import { Field, ID, Int, ObjectType, registerEnumType } from "type-graphql";
import { Column, Entity, ForeignKey, Index, PrimaryColumn, PrimaryGeneratedColumn } from "typeorm";
import {
  counterColumn,
  hash16Column,
  idColumn,
  instantColumn,
  numberColumn,
  totalColumn,
  wordColumn,
} from "../platform/columns.js";
import { Node } from "../platform/graphql.js";
import { Partner } from "../tenancy/entities.js";
import { type Grain, grainText, parseGrains } from "./grains/entities.js";

/** What a transaction is. */
export enum TransactionKind {
  BET = "BET",
  WIN = "WIN",
  ROLLBACK = "ROLLBACK",
  BONUS = "BONUS",
  BONUS_BET = "BONUS_BET",
  BONUS_WIN = "BONUS_WIN",
  JACKPOT_CONTRIBUTION = "JACKPOT_CONTRIBUTION",
  JACKPOT_WIN = "JACKPOT_WIN",
  FEE = "FEE",
  CREDIT_PURCHASE = "CREDIT_PURCHASE",
  CREDIT_DRAWDOWN = "CREDIT_DRAWDOWN",
  ADJUSTMENT = "ADJUSTMENT",
  CHARGEBACK = "CHARGEBACK",
  ACQUISITION = "ACQUISITION",
}

registerEnumType(TransactionKind, {
  name: "TransactionKind",
  description: "What a transaction is.",
  valuesConfig: {
    BET: { description: "A stake taken from a player." },
    WIN: { description: "A prize paid to a player; zero is valid." },
    ROLLBACK: { description: "Reverses the whole of another transaction." },
    BONUS: { description: "Bonus money granted to a player." },
    BONUS_BET: { description: "A stake from bonus money." },
    BONUS_WIN: { description: "A prize on a bonus stake." },
    JACKPOT_CONTRIBUTION: { description: "What a stake adds to a jackpot pool." },
    JACKPOT_WIN: { description: "A prize from a jackpot pool." },
    FEE: { description: "A fee owed to the partner or paid elsewhere, by its category." },
    CREDIT_PURCHASE: { description: "Prepaid credit bought." },
    CREDIT_DRAWDOWN: { description: "Prepaid credit drawn." },
    ADJUSTMENT: { description: "A correction by the tenant; positive in the partner's favour." },
    CHARGEBACK: { description: "A payment taken back by the player's bank; reported by the tenant." },
    ACQUISITION: { description: "Players brought by an affiliate: units, no money." },
  },
});

/** Where a settlement period stands, and from `STATEMENT_ISSUED` on each of its statements by itself. */
export enum PeriodState {
  OPEN = "OPEN",
  CLOSED = "CLOSED",
  CALCULATED = "CALCULATED",
  STATEMENT_ISSUED = "STATEMENT_ISSUED",
  DISPUTED = "DISPUTED",
  APPROVED = "APPROVED",
  PAYABLE = "PAYABLE",
  PAID = "PAID",
  CARRIED_FORWARD = "CARRIED_FORWARD",
  ABORTED = "ABORTED",
}

registerEnumType(PeriodState, {
  name: "PeriodState",
  description:
    "Where a settlement period stands, and from `STATEMENT_ISSUED` on each of its statements by itself. A period with" +
    " several statements is DISPUTED while one of them is, and else stands where the last of them does.",
  valuesConfig: {
    OPEN: { description: "Takes transactions, until its end plus the configured grace." },
    CLOSED: { description: "Fenced: its totals never change again." },
    CALCULATED: { description: "Its terms were calculated; its statements are about to be stored." },
    STATEMENT_ISSUED: { description: "Settled by a signed statement in every currency, which waits for approval." },
    DISPUTED: { description: "The partner disputes a statement that was not released; approval waits for the answer." },
    APPROVED: { description: "The tenant stands by the statement; a second person releases its money." },
    PAYABLE: { description: "What the statement released for payment may be paid, or is to be collected." },
    PAID: { description: "Paid, or collected, in full." },
    CARRIED_FORWARD: { description: "Nothing was payable: its closing opened the next statement." },
    ABORTED: { description: "Empty, and given up by two people: it has no statement." },
  },
});

/** A half-open stretch `[startsAt, endsAt)` of a partner's activity, settled as one. */
@ObjectType({
  implements: Node,
  description: "A half-open stretch `[startsAt, endsAt)` of a partner's activity, settled as one.",
})
@Entity({ name: "settlement_period" })
@Index("uq_settlement_period_id", ["tenantNo", "id"], { unique: true })
@Index("uq_settlement_period_start", ["tenantNo", "partnerNo", "startsAt"], { unique: true })
@Index("ix_settlement_period_due", ["state", "dueAt"])
@Index("ix_settlement_period_open", ["tenantNo", "partnerNo", "state", "startsAt"])
@ForeignKey(() => Partner, ["tenantNo", "partnerNo"], ["tenantNo", "no"], { name: "fk_settlement_period_partner" })
export class SettlementPeriod {
  @PrimaryGeneratedColumn({ type: "int", unsigned: true })
  readonly no!: number;

  @Column(numberColumn)
  readonly tenantNo!: number;

  @Column(numberColumn)
  readonly partnerNo!: number;

  @Field(() => ID, { description: "Begins with `prd_`." })
  @Column(idColumn)
  readonly id!: string;

  @Field(() => Date, { description: "First instant of the period, UTC." })
  @Column(instantColumn)
  readonly startsAt!: Date;

  @Field(() => Date, { description: "First instant after the period, UTC." })
  @Column(instantColumn)
  readonly endsAt!: Date;

  @Field(() => Date, { description: "End plus grace: from here on it may be closed." })
  @Column(instantColumn)
  readonly dueAt!: Date;

  @Field(() => PeriodState, { description: "Where it stands." })
  @Column({ type: "enum", enum: PeriodState, default: PeriodState.OPEN })
  readonly state!: PeriodState;

  /** The configuration version it settles by; pinned when planned, opaque here. */
  @Column(idColumn)
  readonly configurationId!: string;

  /** Whether it fell due before its configuration was active; such periods wait for a person or `settle`. */
  @Column({ type: "boolean", default: false })
  readonly isBackfill!: boolean;

  @Field(() => Date, { nullable: true, description: "When it was fenced." })
  @Column({ ...instantColumn, nullable: true })
  readonly closedAt!: Date | null;

  @Field(() => Date, {
    description:
      "First instant of the cycle's whole stretch. The period is a part of it where a plan began inside it, where the" +
      " cycle changed, and where a version split it.",
  })
  @Column(instantColumn)
  readonly cycleStartsAt!: Date;

  @Field(() => Date, { description: "First instant after the cycle's whole stretch." })
  @Column(instantColumn)
  readonly cycleEndsAt!: Date;

  /** By what its terms tell totals apart besides; what is posted into it, or belonged to it, is kept so finely. */
  @Column({ ...wordColumn, default: "", transformer: { from: parseGrains, to: grainText } })
  readonly grain!: readonly Grain[];

  /** Frontier of the tree of batches posted into it (`kernel/merkle`); null before the first. */
  @Column({ type: "varbinary", length: 1704, nullable: true })
  readonly commitment!: Buffer | null;

  @Field(() => Int, {
    description: "Batches of it whose content and transactions were removed, after the tenant's retention.",
  })
  @Column({ ...numberColumn, default: 0 })
  readonly removedBatches!: number;
}

/** A partner's lock for posting and closing, and the numbers given under it. */
@Entity({ name: "posting_cursor" })
export class PostingCursor {
  @PrimaryColumn(numberColumn)
  readonly tenantNo!: number;

  @PrimaryColumn(numberColumn)
  readonly partnerNo!: number;

  /** Written by whoever takes it: a fence for what was computed outside. */
  @Column({ ...counterColumn, default: 0 })
  readonly epoch!: bigint;

  /** The partner's last ledger entry; also the version of its balances. */
  @Column({ ...counterColumn, default: 0 })
  readonly entryNo!: bigint;

  /** When that entry was recorded: the next one is not recorded before it. */
  @Column({ ...instantColumn, nullable: true })
  readonly recordedAt!: Date | null;
}

/** What was posted into a period, per dimension; kept in the posting transaction. */
@Entity({ name: "activity_total" })
export class ActivityTotal {
  @PrimaryColumn(numberColumn)
  readonly tenantNo!: number;

  @PrimaryColumn(numberColumn)
  readonly partnerNo!: number;

  @PrimaryColumn(numberColumn)
  readonly periodNo!: number;

  /** The period it happened in; another than `periodNo` when it came late. */
  @PrimaryColumn(numberColumn)
  readonly originPeriodNo!: number;

  /** 0 for none. */
  @PrimaryColumn(numberColumn)
  readonly brandNo!: number;

  /** 0 for none. */
  @PrimaryColumn(numberColumn)
  readonly productNo!: number;

  /** A transaction's kind; a rollback as `ROLLBACK_<kind of its original>`. */
  @PrimaryColumn(wordColumn)
  readonly kind!: string;

  /** A fee's category; empty for the other kinds. */
  @PrimaryColumn(wordColumn)
  readonly category!: string;

  @PrimaryColumn(wordColumn)
  readonly currency!: string;

  @Column(counterColumn)
  readonly count!: bigint;

  @Column(totalColumn)
  readonly units!: bigint;

  @Column(totalColumn)
  readonly sumMinor!: bigint;
}

/** As `ActivityTotal`, apart by player, local day or both, where the terms of the period or of the origin ask. */
@Entity({ name: "fine_total" })
export class FineTotal {
  @PrimaryColumn(numberColumn)
  readonly tenantNo!: number;

  @PrimaryColumn(numberColumn)
  readonly partnerNo!: number;

  @PrimaryColumn(numberColumn)
  readonly periodNo!: number;

  /** The pseudonym under the tenant's key; zeros for none, and where players are not told apart. */
  @PrimaryColumn(hash16Column)
  readonly player!: Buffer;

  /** The partner's local day, `YYYY-MM-DD`, a rollback's that of its original; empty where days are not told apart. */
  @PrimaryColumn(wordColumn)
  readonly day!: string;

  @PrimaryColumn(numberColumn)
  readonly originPeriodNo!: number;

  /** 0 for none, and where places are not told apart. */
  @PrimaryColumn(numberColumn)
  readonly brandNo!: number;

  /** 0 for none, and where places are not told apart. */
  @PrimaryColumn(numberColumn)
  readonly productNo!: number;

  @PrimaryColumn(wordColumn)
  readonly kind!: string;

  @PrimaryColumn(wordColumn)
  readonly category!: string;

  @PrimaryColumn(wordColumn)
  readonly currency!: string;

  @Column(counterColumn)
  readonly count!: bigint;

  @Column(totalColumn)
  readonly units!: bigint;

  @Column(totalColumn)
  readonly sumMinor!: bigint;
}
