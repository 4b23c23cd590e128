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
  /** What it comes to on PAYABLE; below zero: what is to be collected. */
  readonly paidOutMinor: bigint;
  /** Whether people, or its terms, let it be paid, set off or collected; before that it only holds back. */
  readonly isReleased: boolean;
  /** On its way to the bank. */
  readonly inFlightMinor: bigint;
  readonly shares: readonly OpenShare[];
  /** What set-offs against debts of linked partners took of it, whichever receiver it was for. */
  readonly setOffMinor: bigint;
}

/** What a set-off takes of a statement. */
export interface Taking {
  readonly statementId: string;
  readonly amountMinor: bigint;
}

/** What may be paid of a statement to a receiver. */
export interface Allocation {
  readonly statementId: string;
  readonly payee: string;
  readonly amountMinor: bigint;
}

/** A partner's money in one currency. */
export interface Purse {
  /** PAYABLE with its sign turned: what statements came to and is neither paid, set off nor collected. */
  readonly owedMinor: bigint;
  /** Statements that are not settled, the oldest first. */
  readonly statements: readonly OpenStatement[];
}

/** What is left of a statement to be paid or collected; never below zero. */
export interface Left {
  readonly statement: OpenStatement;
  readonly leftMinor: bigint;
}

/** What is on its way to the bank: claimed by a file and not marked yet. */
export function inFlightOf({ statements }: Pick<Purse, "statements">): bigint {
  return statements.reduce((total, { inFlightMinor }) => total + inFlightMinor, 0n);
}

/**
 * What may be paid or set off now: of released statements, not on its way, and no more than is owed in the end. What a
 * partner paid too much is of no statement: it meets the partner's own debts alone.
 */
export function payableOf(purse: Purse): bigint {
  const freeMinor = atLeastZero(lesserOf(releasedOf(purse), purse.owedMinor) - inFlightOf(purse));
  return lesserOf(freeMinor, openOf(purse));
}

/** What is to be collected, or set off against what others are owed: what is on its way to the partner will be paid. */
export function dueOf(purse: Purse): bigint {
  return atLeastZero(inFlightOf(purse) - releasedOf(purse));
}

/**
 * What may be paid now. What is to be collected lowers what is owed without naming a statement: it meets the oldest
 * statements first, so that never more goes out than is owed. Where a statement is met in part, or set off, its
 * receivers share the rest by what each is still to get, by largest remainder (domain 9).
 */
export function allocate(purse: Purse): readonly Allocation[] {
  return met(purse).flatMap(({ statement, leftMinor }) => {
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

/** What a set-off of an amount that may be set off takes of each statement: of the oldest first. */
export function takings(purse: Purse, amountMinor: bigint): readonly Taking[] {
  let untaken = amountMinor;
  const taken = met(purse).map(({ statement, leftMinor }): Taking => {
    const minor = lesserOf(untaken, leftMinor);
    untaken -= minor;
    return { statementId: statement.id, amountMinor: minor };
  });
  return taken.filter(({ amountMinor: minor }) => minor > 0n);
}

/** What is left of each statement that collects: what comes in, or is met otherwise, meets the oldest first. */
export function uncollected(purse: Purse): readonly Left[] {
  let due = dueOf(purse);
  const newestFirst = purse.statements.filter(isCollecting).reverse();
  const left = newestFirst.map((statement): Left => {
    const leftMinor = lesserOf(due, -statement.paidOutMinor);
    due -= leftMinor;
    return { statement, leftMinor };
  });
  return left.reverse();
}

/** Released statements of which nothing is left: paid, collected or met otherwise, and nothing on its way. */
export function settledStatements(purse: Purse): readonly string[] {
  return [...uncollected(purse), ...met(purse)]
    .filter(({ statement, leftMinor }) => leftMinor === 0n && statement.inFlightMinor === 0n)
    .map(({ statement }) => statement.id);
}

function met(purse: Purse): readonly Left[] {
  let meets = openOf(purse) - payableOf(purse);
  return purse.statements.filter(isReleasing).map((statement) => {
    const openMinor = openIn(statement);
    const metMinor = lesserOf(meets, openMinor);
    meets -= metMinor;
    return { statement, leftMinor: openMinor - metMinor };
  });
}

/** What receivers are still to get of released statements, less what set-offs took. */
function openOf({ statements }: Purse): bigint {
  return statements.filter(isReleasing).reduce((total, statement) => total + openIn(statement), 0n);
}

function openIn({ shares, setOffMinor }: OpenStatement): bigint {
  return sumOf(shares) - setOffMinor;
}

/** What is owed by statements that were released alone. */
function releasedOf({ owedMinor, statements }: Purse): bigint {
  const waiting = statements.filter(({ isReleased }) => !isReleased);
  return waiting.reduce((total, { paidOutMinor }) => total - paidOutMinor, owedMinor);
}

function isReleasing({ isReleased, paidOutMinor }: OpenStatement): boolean {
  return isReleased && paidOutMinor >= 0n;
}

function isCollecting({ isReleased, paidOutMinor }: OpenStatement): boolean {
  return isReleased && paidOutMinor < 0n;
}

function lesserOf(one: bigint, other: bigint): bigint {
  return one < other ? one : other;
}

function atLeastZero(minor: bigint): bigint {
  return minor < 0n ? 0n : minor;
}

function sumOf(shares: readonly OpenShare[]): bigint {
  return shares.reduce((total, { openMinor }) => total + openMinor, 0n);
}

/** The id of a transfer that bank statements show: the statement's own id behind its prefix, and which. */
export function endToEndIdOf(statementId: string, place: number, attempt: number): string {
  return `${statementId.slice("stm_".length)}-${place}-${attempt}`;
}
