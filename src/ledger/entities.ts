import { registerEnumType } from "type-graphql";
import { Column, Entity, Index, PrimaryColumn } from "typeorm";
import { counterColumn, idColumn, instantColumn, numberColumn, totalColumn, wordColumn } from "../platform/columns.js";

/** The accounts of one partner in one currency. Signed: debit positive, credit negative. */
export enum AccountName {
  CLEARING = "CLEARING",
  STAKES = "STAKES",
  BONUS_STAKES = "BONUS_STAKES",
  WINNINGS = "WINNINGS",
  BONUS_WINNINGS = "BONUS_WINNINGS",
  BONUS_COST = "BONUS_COST",
  JACKPOT_COST = "JACKPOT_COST",
  JACKPOT_POOL = "JACKPOT_POOL",
  FEE_COST = "FEE_COST",
  FEE_DUE = "FEE_DUE",
  CHARGEBACK_COST = "CHARGEBACK_COST",
  ADJUSTMENT_COST = "ADJUSTMENT_COST",
  ADJUSTMENT_DUE = "ADJUSTMENT_DUE",
  PARTNER_COST = "PARTNER_COST",
  POSITION = "POSITION",
  PAYABLE = "PAYABLE",
  RESERVE = "RESERVE",
  TAX_WITHHELD = "TAX_WITHHELD",
  TAX_INPUT = "TAX_INPUT",
  ADVANCE = "ADVANCE",
  CREDIT_DUE = "CREDIT_DUE",
  CREDIT = "CREDIT",
  DRAWN = "DRAWN",
  CREDIT_DISCOUNT = "CREDIT_DISCOUNT",
  BREAKAGE = "BREAKAGE",
  FX_CLEARING = "FX_CLEARING",
}

registerEnumType(AccountName, {
  name: "AccountName",
  description: "An account of one partner in one currency.",
  valuesConfig: {
    CLEARING: { description: "The tenant's own books: player wallets, cash, third parties." },
    STAKES: { description: "Bets (credit)." },
    BONUS_STAKES: { description: "Bets from bonus money (credit)." },
    WINNINGS: { description: "Wins (debit)." },
    BONUS_WINNINGS: { description: "Wins from bonus bets (debit)." },
    BONUS_COST: { description: "Bonuses granted (debit)." },
    JACKPOT_COST: { description: "Contributions to jackpots (debit)." },
    JACKPOT_POOL: {
      description: "Contributions owed to, less wins due from, the network; not yet on a statement (credit).",
    },
    FEE_COST: { description: "Fees, an input of deductions (debit)." },
    FEE_DUE: { description: "Fees owed to the partner, not yet on a statement (credit)." },
    CHARGEBACK_COST: { description: "Chargebacks, an input of deductions (debit)." },
    ADJUSTMENT_COST: { description: "Cost of adjustments (debit)." },
    ADJUSTMENT_DUE: { description: "Adjustments owed to the partner, not yet on a statement (credit)." },
    PARTNER_COST: { description: "What statements earned for the partner (debit)." },
    POSITION: { description: "What the tenant owes by issued statements and has not released (credit)." },
    PAYABLE: { description: "Released for payment, not yet paid (credit); to be collected (debit)." },
    RESERVE: { description: "Rolling reserve withheld (credit)." },
    TAX_WITHHELD: { description: "Tax withheld for the authority (credit)." },
    TAX_INPUT: { description: "Value added tax on what statements earned (debit)." },
    ADVANCE: { description: "Recoupable advance given (debit)." },
    CREDIT_DUE: { description: "The price of credit bought, not yet on a statement (credit)." },
    CREDIT: { description: "Prepaid credit at face value; the sum of what its lots hold (debit)." },
    DRAWN: { description: "Credit drawn at posting, to meet the next payable (debit)." },
    CREDIT_DISCOUNT: { description: "Face value less price of credit that is neither used nor expired (credit)." },
    BREAKAGE: { description: "What credit that expired had cost (debit)." },
    FX_CLEARING: { description: "One side of a conversion; the other is in the other currency." },
  },
});

/** What an entry came from. */
export enum EntryKind {
  POSTING = "POSTING",
  STATEMENT = "STATEMENT",
  SET_OFF = "SET_OFF",
  CREDIT_EXPIRY = "CREDIT_EXPIRY",
  DISPUTE = "DISPUTE",
  PAYMENT = "PAYMENT",
  PAYMENT_RETURN = "PAYMENT_RETURN",
  COLLECTION = "COLLECTION",
  COLLECTION_RETURN = "COLLECTION_RETURN",
}

/** The present balance of an account; the sum of its entry lines, kept in the same transaction. */
@Entity({ name: "account" })
export class Account {
  @PrimaryColumn(numberColumn)
  readonly tenantNo!: number;

  @PrimaryColumn(numberColumn)
  readonly partnerNo!: number;

  @PrimaryColumn(wordColumn)
  readonly account!: AccountName;

  @PrimaryColumn(wordColumn)
  readonly currency!: string;

  /** Debit positive, credit negative. */
  @Column(totalColumn)
  readonly balanceMinor!: bigint;

  /** The last entry that changed it. */
  @Column(counterColumn)
  readonly version!: bigint;
}

/** One balanced entry of a partner's books. Never changed, never removed. */
@Entity({ name: "entry" })
@Index("ix_entry_batch", ["tenantNo", "batchNo"])
@Index("ix_entry_period", ["tenantNo", "partnerNo", "periodNo", "no"])
export class Entry {
  @PrimaryColumn(numberColumn)
  readonly tenantNo!: number;

  @PrimaryColumn(numberColumn)
  readonly partnerNo!: number;

  /** Contiguous per partner from 1, in the order of posting. */
  @PrimaryColumn(counterColumn)
  readonly no!: bigint;

  @Column({ type: "enum", enum: EntryKind })
  readonly kind!: EntryKind;

  @Column(numberColumn)
  readonly periodNo!: number;

  @Column({ ...counterColumn, nullable: true })
  readonly batchNo!: bigint | null;

  @Column({ ...idColumn, nullable: true })
  readonly statementId!: string | null;

  @Column(instantColumn)
  readonly recordedAt!: Date;
}

/** One side of an entry. */
@Entity({ name: "entry_line" })
export class EntryLine {
  @PrimaryColumn(numberColumn)
  readonly tenantNo!: number;

  @PrimaryColumn(numberColumn)
  readonly partnerNo!: number;

  @PrimaryColumn(counterColumn)
  readonly entryNo!: bigint;

  @PrimaryColumn(wordColumn)
  readonly account!: AccountName;

  @PrimaryColumn(wordColumn)
  readonly currency!: string;

  /** Debit positive, credit negative. */
  @Column(totalColumn)
  readonly amountMinor!: bigint;
}
