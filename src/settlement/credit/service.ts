import type { ActInput } from "../../acts/service.js";
import { type StatementLot, statementLots, useLots } from "../../exchange/lots/service.js";
import { canonicalJson } from "../../kernel/canonical-json.js";
import type { SettlementPeriod } from "../../periods/entities.js";
import type { Reader, Tx } from "../../platform/database.js";
import type { Partner } from "../../tenancy/entities.js";
import type { ConfigurationDocument } from "../document.js";
import { FactsMoved } from "../service.js";
import { creditText } from "../statement-document.js";
import type { CreditFacts, CreditLotFacts, MetByCredit } from "../terms/credit.js";

/** Whose credit statements look at, of which period, by which terms. */
export interface CreditScope {
  readonly partner: Partner;
  readonly period: SettlementPeriod;
  readonly document: ConfigurationDocument;
}

/** A partner's credit as the statements of a period find it, by currency; nothing where it never bought any. */
export interface PeriodCredit extends CreditScope {
  readonly facts: ReadonlyMap<string, CreditFacts>;
}

/** Reads the credit that statements of a period are made of. */
export async function creditOfPeriod(reader: Reader, scope: CreditScope): Promise<PeriodCredit> {
  return { ...scope, facts: creditFacts(scope, await statementLots(reader, scope.partner, scope.period)) };
}

/** Lots as the calculation takes them, by currency; nothing of a currency that has none. */
export function creditFacts(
  { period, document }: Pick<CreditScope, "period" | "document">,
  lots: ReadonlyMap<string, readonly StatementLot[]>,
): ReadonlyMap<string, CreditFacts> {
  const terms = { isDrawn: document.credit !== undefined, endsAt: period.endsAt };
  const facts = [...lots].map(([currency, own]) => [currency, { ...terms, lots: own.map(factsOf) }] as const);
  return new Map(facts.filter(([, { lots: own }]) => own.length > 0));
}

/** What a statement says of credit before it is stored. */
export interface CreditedStatement {
  readonly period: SettlementPeriod;
  readonly currency: string;
  readonly entryNo: bigint;
  readonly met: MetByCredit | null;
}

/** Takes from the lots what a statement was met by, under the cursor; answers the alerts that this causes. */
export async function takeCredit(tx: Tx, partner: Partner, statement: CreditedStatement): Promise<readonly ActInput[]> {
  return useLots(tx, partner, { ...statement, uses: statement.met?.uses ?? [] });
}

/**
 * Under the cursor: throws where credit does not stand any more as it did when statements were made of it; what is
 * drawn at posting moves at any time.
 */
export async function checkCredit(tx: Tx, credit: PeriodCredit): Promise<void> {
  const textOf = ({ facts }: PeriodCredit) =>
    canonicalJson([...facts].map(([currency, each]) => [currency, creditText(each, 0)]));
  if (textOf(credit) !== textOf(await creditOfPeriod(tx, credit))) {
    throw new FactsMoved("Prepaid credit moved while the statement was made; try again.");
  }
}

function factsOf({ lot, drawnMinor, isBought, isTakenBack, lastDrawn }: StatementLot): CreditLotFacts {
  return {
    ...{ no: lot.no, lot: lot.code, priority: lot.priority, expiresAt: lot.expiresAt, lastDrawn },
    ...{ faceMinor: lot.faceMinor, costMinor: lot.costMinor, remainingMinor: lot.remainingMinor, drawnMinor },
    ...{ settledMinor: lot.settledMinor, expiredMinor: lot.expiredMinor, isBought, isTakenBack },
  };
}
