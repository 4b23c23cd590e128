import type { NaiveBooks, NaivePosting } from "../exchange/naive-books.js";

/** A statement as the naive ledger works it out; minor units, `day` is the one that its period starts. */
export interface NaiveStatement {
  readonly day: number;
  readonly currency: string;
  readonly base: bigint;
  readonly carryIn: bigint;
  readonly carryOut: bigint;
  readonly opening: bigint;
  readonly earned: bigint;
  readonly adjustments: bigint;
  readonly payable: bigint;
  readonly closing: bigint;
}

/** What a kind moves, from where to where, as the domain's table says. */
const MOVES: Readonly<Record<string, readonly [debit: string, credit: string]>> = {
  BET: ["CLEARING", "STAKES"],
  WIN: ["WINNINGS", "CLEARING"],
  BONUS: ["BONUS_COST", "CLEARING"],
  JACKPOT_CONTRIBUTION: ["JACKPOT_COST", "JACKPOT_POOL"],
  JACKPOT_WIN: ["JACKPOT_POOL", "CLEARING"],
  "FEE PROVIDER": ["FEE_COST", "FEE_DUE"],
  "FEE PAYMENT": ["FEE_COST", "CLEARING"],
  CHARGEBACK: ["CHARGEBACK_COST", "CLEARING"],
  ADJUSTMENT: ["ADJUSTMENT_COST", "ADJUSTMENT_DUE"],
};

/** Of GGR, in percent; what stays below zero is carried whole. */
const SHARE_PERCENT = 12n;

/**
 * One partner's money, worked out again from the postings of the naive books whenever somebody asks: nothing is kept but
 * which statements there are.
 */
export class NaiveLedger {
  readonly statements: NaiveStatement[] = [];

  constructor(readonly books: NaiveBooks) {}

  /** The period of the first open day is closed. */
  close(): void {
    this.books.openFrom += 1;
  }

  /** The statements of a closed period: dollars always, another currency where something happened or still stands. */
  issue(day: number): void {
    const touched = this.books.postings.filter((posting) => posting.day === day).map(({ item }) => item.currency);
    for (const currency of this.books.currencies) {
      const last = this.#last(currency);
      const stands = last !== undefined && (last.closing !== 0n || last.carryOut !== 0n);
      if (currency === "USD" || touched.includes(currency) || stands) this.#issue(day, currency);
    }
  }

  /** What is on the accounts, those at zero left out. */
  balances(): Record<string, bigint> {
    const balances = new Map<string, bigint>();
    const move = (debit: string, credit: string, amount: bigint) => {
      balances.set(debit, (balances.get(debit) ?? 0n) + amount);
      balances.set(credit, (balances.get(credit) ?? 0n) - amount);
    };
    for (const posting of this.books.postings) {
      const { kind, category, currency } = posting.item;
      const [debit, credit] = MOVES[category === undefined ? kind : `${kind} ${category}`] ?? [];
      if (debit !== undefined && credit !== undefined) {
        move(named(debit, currency), named(credit, currency), signed(posting));
      }
    }
    for (const { day, currency, earned, adjustments, payable } of this.statements) {
      const [pool, fees] = [this.#pool(day, currency), this.#net(day, currency, "FEE", "PROVIDER")];
      const on = (account: string) => named(account, currency);
      move(on("PARTNER_COST"), on("POSITION"), earned - pool - fees);
      move(on("JACKPOT_POOL"), on("POSITION"), pool);
      move(on("FEE_DUE"), on("POSITION"), fees);
      move(on("ADJUSTMENT_DUE"), on("POSITION"), adjustments);
      move(on("POSITION"), on("PAYABLE"), payable);
    }
    return Object.fromEntries([...balances].filter(([, balance]) => balance !== 0n));
  }

  /** Count, sum and units by period, origin, product, kind, category and currency. */
  totals(): Record<string, string> {
    const totals = new Map<string, [count: number, sum: number, units: number]>();
    for (const { item, isRollback, day } of this.books.postings) {
      const { kind, category = "", product = "", currency, amount, units = 0 } = item;
      const name = `${day} ${item.day} ${product} ${isRollback ? "ROLLBACK_" : ""}${kind} ${category} ${currency}`;
      const [count, sum, all] = totals.get(name) ?? [0, 0, 0];
      totals.set(name, [count + 1, sum + amount, all + units]);
    }
    return Object.fromEntries([...totals].map(([name, [count, sum, units]]) => [name, `${count} × ${sum}, ${units}`]));
  }

  #issue(day: number, currency: string): void {
    const last = this.#last(currency);
    const [opening, carryIn] = [last?.closing ?? 0n, last?.carryOut ?? 0n];
    const base = this.#net(day, currency, "BET") - this.#net(day, currency, "WIN");
    const net = base + carryIn;
    const share = net > 0n ? halfEvenHundredth(SHARE_PERCENT * net) : 0n;
    const earned = share + this.#pool(day, currency) + this.#net(day, currency, "FEE", "PROVIDER");
    const adjustments = this.#net(day, currency, "ADJUSTMENT");
    const position = opening + earned + adjustments;
    const payable = position > 0n ? position : 0n;
    const carryOut = net < 0n ? net : 0n;
    const money = { opening, earned, adjustments, payable, closing: position - payable };
    this.statements.push({ day, currency, base, carryIn, carryOut, ...money });
  }

  #last(currency: string): NaiveStatement | undefined {
    return this.statements.findLast((statement) => statement.currency === currency);
  }

  #pool(day: number, currency: string): bigint {
    return this.#net(day, currency, "JACKPOT_CONTRIBUTION") - this.#net(day, currency, "JACKPOT_WIN");
  }

  #net(day: number, currency: string, kind: string, category?: string): bigint {
    return this.books.postings
      .filter((posting) => posting.day === day && posting.item.currency === currency)
      .filter(({ item }) => item.kind === kind && (category === undefined || item.category === category))
      .reduce((sum, posting) => sum + signed(posting), 0n);
  }
}

function named(account: string, currency: string): string {
  return currency === "USD" ? account : `${account} ${currency}`;
}

function signed({ item, isRollback }: NaivePosting): bigint {
  return BigInt(isRollback ? -item.amount : item.amount);
}

/** A hundredth of a number that is not negative, half to even. */
function halfEvenHundredth(hundredths: bigint): bigint {
  const [whole, rest] = [hundredths / 100n, hundredths % 100n];
  return rest > 50n || (rest === 50n && whole % 2n === 1n) ? whole + 1n : whole;
}
