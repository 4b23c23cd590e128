import { Field, ID, Int, ObjectType, registerEnumType } from "type-graphql";
import { Column, Entity, Index, PrimaryColumn } from "typeorm";
import {
  codeColumn,
  counterColumn,
  hash16Column,
  idColumn,
  instantColumn,
  minorColumn,
  numberColumn,
  totalColumn,
  wordColumn,
} from "../../platform/columns.js";

/** When credit is drawn. */
export enum DrawAt {
  /** By every CREDIT_DRAWDOWN, as it is posted. */
  POSTING = "POSTING",
  /** By every statement; until then a CREDIT_DRAWDOWN reserves it. */
  SETTLEMENT = "SETTLEMENT",
}

/** What becomes of a CREDIT_DRAWDOWN that the lots do not cover. */
export enum WhenExhausted {
  /** It is refused. */
  BLOCK = "BLOCK",
  /** It is posted as far as a line goes; what the lots lack is paid in money by the statement. */
  CREDIT_LINE = "CREDIT_LINE",
  /** It is posted; what the lots lack is paid in money by the statement. */
  POSTPAY_OVERAGE = "POSTPAY_OVERAGE",
}

/** How a lot's credit moves. */
export enum CreditMoveKind {
  BOUGHT = "BOUGHT",
  /** The purchase was rolled back. */
  TAKEN_BACK = "TAKEN_BACK",
  /** At posting, to meet a payable; negative where a draw-down was rolled back. */
  DRAWN = "DRAWN",
  /** What was drawn at posting met a payable. */
  DRAWN_MET = "DRAWN_MET",
  /** Met a payable straight from the lot; negative where a negative fee refilled it. */
  MET = "MET",
  EXPIRED = "EXPIRED",
}

registerEnumType(WhenExhausted, {
  name: "WhenExhausted",
  description: "What becomes of a draw-down that the lots do not cover.",
  valuesConfig: {
    BLOCK: { description: "It is refused with `INSUFFICIENT_CREDIT`." },
    CREDIT_LINE: { description: "It is posted up to the credit limit; the statement pays in money what lots lacked." },
    POSTPAY_OVERAGE: { description: "It is posted; the statement pays in money what lots lacked." },
  },
});

/** What a configuration says of credit in one currency, for whoever posts. Never changed. */
@Entity({ name: "credit_terms" })
export class StoredCreditTerms {
  @PrimaryColumn(numberColumn)
  readonly tenantNo!: number;

  @PrimaryColumn(idColumn)
  readonly configurationId!: string;

  @PrimaryColumn(wordColumn)
  readonly currency!: string;

  @Column({ type: "enum", enum: DrawAt })
  readonly drawAt!: DrawAt;

  @Column({ type: "enum", enum: WhenExhausted })
  readonly whenExhausted!: WhenExhausted;

  /** 0 where there is no line. */
  @Column(minorColumn)
  readonly creditLimitMinor!: bigint;

  /** A rate of what the lots held after the last purchase; null: no alerts. */
  @Column({ ...wordColumn, nullable: true })
  readonly lowWater!: string | null;
}

/**
 * Credit bought at once. `face = remaining + drawn + settled + expired`, except that one that was taken back has none
 * of them.
 */
@ObjectType("CreditLot", {
  description: "Prepaid credit that was bought at once: drawn, refilled and expired together.",
})
@Entity({ name: "credit_lot" })
@Index("uq_credit_lot_id", ["tenantNo", "id"], { unique: true })
@Index("uq_credit_lot_dedupe", ["dedupe"], { unique: true })
@Index("ix_credit_lot_open", ["tenantNo", "partnerNo", "isOpen"])
@Index("ix_credit_lot_expiry", ["expiresAt", "remainingMinor"])
export class CreditLot {
  @PrimaryColumn(numberColumn)
  readonly tenantNo!: number;

  @PrimaryColumn(numberColumn)
  readonly partnerNo!: number;

  @Field(() => Int, { description: "Counts the partner's lots from 1; statements name a lot by it." })
  @PrimaryColumn(numberColumn)
  readonly no!: number;

  @Field(() => ID, { description: "Begins with `lot_`." })
  @Column(idColumn)
  readonly id!: string;

  /** Of the purchase, by which its rollback finds the lot. */
  @Column(hash16Column)
  readonly dedupe!: Buffer;

  @Field(() => String, { description: "As the partner named it; the purchase's own id where it did not." })
  @Column(codeColumn)
  readonly code!: string;

  @Column(wordColumn)
  readonly currency!: string;

  @Field(() => Int, { nullable: true, description: "The lowest is drawn first, lots without any last." })
  @Column({ type: "smallint", unsigned: true, nullable: true })
  readonly priority!: number | null;

  @Field(() => Date, { nullable: true, description: "The first instant at which it is good no more; null: never." })
  @Column({ ...instantColumn, nullable: true })
  readonly expiresAt!: Date | null;

  @Field(() => Date, { description: "When it was bought." })
  @Column(instantColumn)
  readonly boughtAt!: Date;

  @Column(minorColumn)
  readonly faceMinor!: bigint;

  @Column(minorColumn)
  readonly costMinor!: bigint;

  @Column(minorColumn)
  readonly remainingMinor!: bigint;

  @Column(minorColumn)
  readonly drawnMinor!: bigint;

  @Column(minorColumn)
  readonly settledMinor!: bigint;

  @Column(minorColumn)
  readonly expiredMinor!: bigint;

  /** What all lots of its currency held once it was bought, or taken back. */
  @Column(totalColumn)
  readonly levelMinor!: bigint;

  /** The period whose statement owes its price. */
  @Column(numberColumn)
  readonly periodNo!: number;

  /** The period that took the purchase back. */
  @Column({ ...numberColumn, nullable: true })
  readonly takenBackPeriodNo!: number | null;

  /** The last entry that drew from it; a negative fee refills the last first. */
  @Column(counterColumn)
  readonly lastDrawnEntryNo!: bigint;

  /** Whether anything of it remains, or is drawn and has met nothing yet. */
  @Column({ type: "boolean" })
  readonly isOpen!: boolean;
}

/** What an entry did to a lot. Never changed, never removed; a lot is the sum of its moves. */
@Entity({ name: "credit_move" })
@Index("ix_credit_move_period", ["tenantNo", "partnerNo", "periodNo", "kind"])
export class CreditMove {
  @PrimaryColumn(numberColumn)
  readonly tenantNo!: number;

  @PrimaryColumn(numberColumn)
  readonly partnerNo!: number;

  @PrimaryColumn(counterColumn)
  readonly entryNo!: bigint;

  @PrimaryColumn(numberColumn)
  readonly lotNo!: number;

  @PrimaryColumn({ type: "enum", enum: CreditMoveKind })
  readonly kind!: CreditMoveKind;

  /** Of the entry; 0 where it belongs to none. */
  @Column(numberColumn)
  readonly periodNo!: number;

  @Column(minorColumn)
  readonly amountMinor!: bigint;
}
