import { present } from "../../kernel/assert.js";
import { Rational } from "../../kernel/rational.js";
import { shareOut } from "../terms/rounding.js";

/** What one receiver is still to get of a statement: nothing paid, nothing on its way. */
export interface OpenShare {
  /** A receiver of the terms' splits; empty for the partner itself. */
  readonly payee: string;
  readonly openMinor: bigint;
}

/** What a statement released, and who is still to get some of it. */
export interface OpenStatement {
  readonly id: string;
  /** What it released in all; below zero: what is to be collected. */
  readonly paidOutMinor: bigint;
  /** On its way to the bank. */
  readonly inFlightMinor: bigint;
  readonly shares: readonly OpenShare[];
}

/** What may be paid of a statement to a receiver. */
export interface Allocation {
  readonly statementId: string;
  readonly payee: string;
  readonly amountMinor: bigint;
}

/** A partner's money in one currency. */
export interface Purse {
  /** Released and not paid: PAYABLE with its sign turned. */
  readonly owedMinor: bigint;
  /** Statements that are not settled, the oldest first. */
  readonly statements: readonly OpenStatement[];
}

/**
 * What may be paid now. Set-offs, prepaid credit and what is to be collected lower what is owed without naming a
 * statement: they meet the oldest statements first, so that never more goes out than is owed. Where a statement is met
 * in part, its receivers share the rest by what each is still to get, by largest remainder (domain 9).
 */
export function allocate({ owedMinor, statements }: Purse): readonly Allocation[] {
  return met({ owedMinor, statements }).flatMap(({ statement, leftMinor }) => {
    const { id, shares } = statement;
    const openMinor = sumOf(shares);
    if (leftMinor === 0n) return [];
    const parts = shares.map((share) => Rational.of(share.openMinor * leftMinor, openMinor));
    return shareOut(leftMinor, parts)
      .map((amountMinor, index) => {
        return { statementId: id, payee: present(shares[index], "a share").payee, amountMinor };
      })
      .filter(({ amountMinor }) => amountMinor > 0n);
  });
}

/**
 * Statements of which nothing is left: all of it paid or met otherwise and nothing on its way; of one that collects,
 * when nothing is to be collected.
 */
export function settledStatements(purse: Purse): readonly string[] {
  const collected = purse.statements.filter(({ paidOutMinor }) => paidOutMinor < 0n && purse.owedMinor >= 0n);
  const paid = met(purse).filter(({ statement, leftMinor }) => leftMinor === 0n && statement.inFlightMinor === 0n);
  return [...collected.map(({ id }) => id), ...paid.map(({ statement }) => statement.id)];
}

/** A statement that releases money, and what is left of it to be paid. */
interface Met {
  readonly statement: OpenStatement;
  readonly leftMinor: bigint;
}

function met({ owedMinor, statements }: Purse): readonly Met[] {
  const releasing = statements.filter(({ paidOutMinor }) => paidOutMinor >= 0n);
  const open = releasing.reduce((total, { shares }) => total + sumOf(shares), 0n);
  const inFlight = statements.reduce((total, { inFlightMinor }) => total + inFlightMinor, 0n);
  const payable = owedMinor - inFlight;
  let meets = open - (payable < 0n ? 0n : payable);
  if (meets < 0n) meets = 0n;
  return releasing.map((statement) => {
    const openMinor = sumOf(statement.shares);
    const metMinor = meets < openMinor ? meets : openMinor;
    meets -= metMinor;
    return { statement, leftMinor: openMinor - metMinor };
  });
}

function sumOf(shares: readonly OpenShare[]): bigint {
  return shares.reduce((total, { openMinor }) => total + openMinor, 0n);
}

/** The id of a transfer that bank statements show: the statement's own id behind its prefix, and which. */
export function endToEndIdOf(statementId: string, place: number, attempt: number): string {
  return `${statementId.slice("stm_".length)}-${place}-${attempt}`;
}
