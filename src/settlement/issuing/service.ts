import { ActType } from "../../acts/entities.js";
import { type ActInput, recordActs } from "../../acts/service.js";
import { type PlatformSigner, platformSigner } from "../../identity/platform-keys/service.js";
import type { Actor } from "../../kernel/actor.js";
import { present } from "../../kernel/assert.js";
import { canonicalJson } from "../../kernel/canonical-json.js";
import { sha256Hex } from "../../kernel/digest.js";
import { newId } from "../../kernel/ids.js";
import { scaleOf } from "../../kernel/money.js";
import { AccountName, EntryKind } from "../../ledger/entities.js";
import { balanceOf, changeBalances, type NewEntry, nextEntryNo, post } from "../../ledger/service.js";
import { type PaymentDate, paymentDate } from "../../periods/calendars/service.js";
import { commitmentOf, frontierOf } from "../../periods/commitments/service.js";
import { holdCursor } from "../../periods/cursors/service.js";
import { PeriodState, type SettlementPeriod } from "../../periods/entities.js";
import { movePeriod } from "../../periods/lifecycle/service.js";
import { periodsByNumber } from "../../periods/service.js";
import type { App } from "../../platform/app.js";
import { type Tx, transact } from "../../platform/database.js";
import type { Partner } from "../../tenancy/entities.js";
import { type CurrencyInputs, inputsOf } from "../calculating/service.js";
import { type Terms, termsOf } from "../configurations/service.js";
import { type Correction, correctionsOf } from "../corrections/service.js";
import { checkCredit, creditOfPeriod, type PeriodCredit, takeCredit } from "../credit/service.js";
import { type PayoutDocument, payoutIn, reviewOf } from "../document-contract.js";
import { Statement } from "../entities.js";
import { settlementError } from "../errors.js";
import { openingOf } from "../lifecycle/service.js";
import { type Link, linksOf } from "../links/service.js";
import { type Quoted, useRates } from "../quotes/service.js";
import { FactsMoved, untilKnown, whileFactsMove } from "../service.js";
import { RunStage } from "../settlement-runs/entities.js";
import { buildStatementDocument } from "../statement-document.js";
import type { StatementDocument } from "../statement-schema.js";
import { calculate, type TermsResult } from "../terms/calculate.js";
import type { CreditFacts } from "../terms/credit.js";
import { spanIn } from "../terms/period.js";
import { paidOutOf } from "../terms/postings.js";

/** Is told of a stage before it begins; what it throws stops the settlement there. */
export type AtStage = (stage: RunStage) => Promise<void>;

/** The `typ` of a statement's JWS. */
export const STATEMENT_TYPE = "quittance-statement+jws";

/**
 * Issues the statements of a closed period, one for each currency that has anything to say: calculated outside, then
 * stored with their entries and acts in one transaction under the partner's cursor. Nothing happens where they were
 * issued before. Call it in the order of periods: each statement takes on what the one before left.
 */
export async function issueStatements(
  app: App,
  actor: Actor,
  partner: Partner,
  period: SettlementPeriod,
  atStage: AtStage = async () => undefined,
): Promise<void> {
  await whileFactsMove(async () => {
    const ready = await calculatePeriod(app, partner, period, atStage);
    if (period.state !== PeriodState.CALCULATED) await tellCalculated(app, actor, partner, period);
    await atStage(RunStage.STATEMENT);
    const storing = () => transact(app, (tx) => store(app, tx, actor, { partner, period, ...ready }));
    await changeBalances(app, [partner], () => untilKnown(storing));
  });
}

/**
 * Calculates the statements of a closed period, and says that they could be (CALCULATED). What they come to is not
 * kept: the position may move before they are issued, which calculates them anew.
 */
export async function calculateStatements(
  app: App,
  actor: Actor,
  partner: Partner,
  period: SettlementPeriod,
  atStage: AtStage,
): Promise<void> {
  await calculatePeriod(app, partner, period, atStage);
  await tellCalculated(app, actor, partner, period);
}

/** A statement that is ready to be stored. */
interface Calculated {
  readonly statement: Statement;
  /** The statement it takes on from; null for the first of its currency. */
  readonly previousId: string | null;
  readonly result: Pick<TermsResult, "postings" | "met">;
}

/** The statements of a period, and the rates that they stand on. */
interface Ready {
  readonly calculated: readonly Calculated[];
  readonly quoted: readonly Quoted[];
  readonly credit: PeriodCredit;
}

async function calculatePeriod(app: App, partner: Partner, { no }: SettlementPeriod, atStage: AtStage): Promise<Ready> {
  await atStage(RunStage.TOTALS);
  const reader = app.database.manager;
  // As the fence left it: the caller may have read it before.
  const period = present((await periodsByNumber(reader, partner.tenantNo, [no])).get(no), "a period to settle");
  const [terms, links, signer] = await Promise.all([
    termsOf(app, partner.tenantId, period.configurationId),
    linksOf(reader, partner),
    platformSigner(app, partner.tenantId),
  ]);
  const facts = { partner, period, document: terms.document, before: links };
  const [{ inputs, quoted }, credit] = await Promise.all([inputsOf(app, facts), creditOfPeriod(reader, facts)]);
  await atStage(RunStage.TERMS);
  const corrections = await correctionsOf(reader, partner, period.no);
  const calculated = inputs.map(async (inputs) => {
    const { currency } = inputs;
    const link = links.find((each) => each.currency === currency) ?? null;
    const payment = await paymentOf(partner, period, payoutIn(terms.document, currency));
    const own = { link, payment, corrections, credit: credit.facts.get(currency) ?? null };
    return calculateStatement(app, { partner, period, terms, signer, ...own, ...inputs });
  });
  return { quoted, credit, calculated: await Promise.all(calculated) };
}

/** When a period's statement is to be paid; null where the terms do not say. */
async function paymentOf(
  { timezone }: Partner,
  { dueAt: instant }: SettlementPeriod,
  payout: PayoutDocument,
): Promise<PaymentDate | null> {
  const { dueAfterDays: afterDays, businessDays: calendar = null, closedOn = [] } = payout;
  return afterDays === undefined ? null : paymentDate({ instant, timezone, afterDays, calendar, closedOn });
}

interface StatementFacts extends CurrencyInputs {
  readonly partner: Partner;
  readonly period: SettlementPeriod;
  readonly terms: Terms;
  readonly signer: PlatformSigner;
  readonly link: Link | null;
  readonly payment: PaymentDate | null;
  readonly corrections: readonly Correction[];
  readonly credit: CreditFacts | null;
}

function calculateStatement(app: App, facts: StatementFacts): Calculated {
  const { partner, period, currency, terms, input, origins, link, payment, corrections, credit } = facts;
  const scale = scaleOf(currency);
  const result = calculate({ ...input, credit });
  const [statementId, issuedAt] = [newId("stm", app.clock), app.clock.now()];
  const header = {
    ...{ tenantId: partner.tenantId, partnerId: partner.id, statementId, issuedAt, currency, scale },
    period: { id: period.id, ...spanIn(partner.timezone, period) },
    configuration: terms,
    previousStatement: link === null ? null : { id: link.id, sha256: link.sha256 },
    ...{ payment, corrections, credit },
    commitment: commitmentOf(frontierOf(period)),
    partnerKind: partner.kind,
    origins,
  };
  const document = buildStatementDocument(header, input.totals, result);
  const statement = statementOf(facts, { document, result, issuedAt });
  return { statement, previousId: link?.id ?? null, result };
}

interface Signed {
  readonly document: StatementDocument;
  readonly result: TermsResult;
  readonly issuedAt: Date;
}

function statementOf(
  { partner, period, currency, terms, signer }: StatementFacts,
  { document, result, issuedAt }: Signed,
): Statement {
  const { base, carryIn, carryOut } = document;
  const { openingMinor, earnedMinor, adjustmentsMinor, payableMinor, closingMinor } = result;
  return Object.assign(new Statement(), {
    ...{ tenantId: partner.tenantId, id: document.jti, tenantNo: partner.tenantNo, partnerNo: partner.no },
    ...{ periodNo: period.no, startsAt: period.startsAt, endsAt: period.endsAt, currency, issuedAt },
    ...{ configurationId: terms.id, base, carryIn, carryOut },
    ...{ openingMinor, earnedMinor, adjustmentsMinor, payableMinor, closingMinor },
    ...{ paidOutMinor: paidOutOf(result.postings), setOffMinor: 0n },
    paymentDueOn: document.payment?.on ?? null,
    ...openingOf(reviewOf(terms.document), { issuedAt, payableMinor }),
    jws: signer.sign(canonicalJson(document), STATEMENT_TYPE),
  });
}

interface ToSettle {
  readonly partner: Partner;
  readonly period: SettlementPeriod;
}

/** Nothing happens where somebody calculated it before: the same facts come to the same. */
async function tellCalculated(app: App, actor: Actor, partner: Partner, { no, id }: SettlementPeriod): Promise<void> {
  const [from, to] = [PeriodState.CLOSED, PeriodState.CALCULATED];
  const act = {
    type: ActType.PERIOD_CALCULATED,
    subjectId: id,
    partner,
    before: { state: from },
    after: { state: to },
  };
  await untilKnown(() =>
    transact(app, async (tx) => {
      if (!(await movePeriod(tx, partner, { no, from, to }))) return;
      await recordActs(tx, actor, app.clock.now(), [act]);
    }),
  );
}

interface ToStore extends Ready, ToSettle {}

async function store(app: App, tx: Tx, actor: Actor, { partner, period, ...ready }: ToStore): Promise<void> {
  const { calculated, quoted, credit } = ready;
  const cursor = await holdCursor(tx, partner);
  const move = { no: period.no, from: PeriodState.CALCULATED, to: PeriodState.STATEMENT_ISSUED };
  if (!(await movePeriod(tx, partner, move))) return; // another closer was first
  if (!(await useRates(tx, partner.tenantId, quoted, app.clock.now()))) {
    throw new FactsMoved("Exchange rates were entered while the statement was made; try again.");
  }
  await checkCredit(tx, credit);
  const links = await linksOf(tx, partner);
  for (const each of calculated) await checkOpening(tx, partner, each, links);
  await checkTerms(tx, period, calculated);
  await tx.insert(
    Statement,
    calculated.map(({ statement }) => statement),
  );
  await post(
    tx,
    partner,
    cursor,
    calculated.map((each) => entryOf(period, each)),
  );
  const acts = calculated.map(({ statement }) => actOf(partner, period, statement));
  for (const [index, { statement, result }] of calculated.entries()) {
    const used = {
      period,
      currency: statement.currency,
      entryNo: nextEntryNo(cursor) + BigInt(index),
      met: result.met,
    };
    acts.push(...(await takeCredit(tx, partner, used)));
  }
  await recordActs(tx, actor, app.clock.now(), acts);
}

/** The chain must stand as it did when the statement was made: the same statement before it, and the same position. */
async function checkOpening(
  tx: Tx,
  partner: Partner,
  { statement, previousId }: Calculated,
  links: readonly Link[],
): Promise<void> {
  const { currency, openingMinor } = statement;
  const link = links.find((each) => each.currency === currency);
  const positionMinor = await balanceOf(tx, partner, AccountName.POSITION, currency);
  if (-positionMinor === openingMinor && (link?.id ?? null) === previousId) return;
  throw settlementError("VERSION_CONFLICT", { reason: "The position moved while the statement was made.", currency });
}

/** The period's version must be the one that the statements were made by: a stuck period may be given another. */
async function checkTerms(
  tx: Tx,
  { tenantNo, no }: SettlementPeriod,
  calculated: readonly Calculated[],
): Promise<void> {
  const pinned = (await periodsByNumber(tx, tenantNo, [no])).get(no)?.configurationId;
  if (calculated.every(({ statement }) => statement.configurationId === pinned)) return;
  throw new FactsMoved("The period was given other terms while its statement was made; try again.");
}

function entryOf(period: SettlementPeriod, { statement, result: { postings } }: Calculated): NewEntry {
  const { id: statementId, issuedAt: recordedAt, currency } = statement;
  const lines = postings.map((posting) => ({ currency, ...posting }));
  return { kind: EntryKind.STATEMENT, periodNo: period.no, batchNo: null, statementId, recordedAt, lines };
}

function actOf(partner: Partner, period: SettlementPeriod, statement: Statement): ActInput {
  const { id, currency, openingMinor, earnedMinor, payableMinor, closingMinor, configurationId, jws } = statement;
  const amounts = { openingMinor, earnedMinor, payableMinor, closingMinor };
  const texts = Object.entries(amounts).map(([name, minor]) => [name, minor.toString()] as const);
  const after = {
    periodId: period.id,
    configurationId,
    currency,
    ...Object.fromEntries(texts),
    sha256: sha256Hex(jws),
  };
  return { type: ActType.STATEMENT_ISSUED, subjectId: id, partner, after };
}
