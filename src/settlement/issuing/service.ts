import { ActType } from "../../acts/entities.js";
import { recordActs } from "../../acts/service.js";
import { type PlatformSigner, platformSigner } from "../../identity/platform-keys/service.js";
import type { Actor } from "../../kernel/actor.js";
import { present } from "../../kernel/assert.js";
import { canonicalJson } from "../../kernel/canonical-json.js";
import { sha256Hex } from "../../kernel/digest.js";
import { newId } from "../../kernel/ids.js";
import { scaleOf } from "../../kernel/money.js";
import { AccountName, EntryKind } from "../../ledger/entities.js";
import { announceChange, balanceOf, type NewEntry, post, publishBalances } from "../../ledger/service.js";
import { type PaymentDate, paymentDate } from "../../periods/calendars/service.js";
import { markStatementIssued } from "../../periods/closing/service.js";
import { commitmentOf, frontierOf } from "../../periods/commitments/service.js";
import { holdCursor } from "../../periods/cursors/service.js";
import type { SettlementPeriod } from "../../periods/entities.js";
import { periodsByNumber } from "../../periods/service.js";
import type { App } from "../../platform/app.js";
import { type Tx, transact } from "../../platform/database.js";
import type { Partner } from "../../tenancy/entities.js";
import { type CurrencyInputs, inputsOf } from "../calculating/service.js";
import { type Terms, termsOf } from "../configurations/service.js";
import { type PayoutDocument, payoutIn } from "../document-contract.js";
import { Statement } from "../entities.js";
import { settlementError } from "../errors.js";
import { type Link, linksOf } from "../links/service.js";
import { type Quoted, useRates } from "../rates/service.js";
import { untilKnown } from "../service.js";
import { RunStage } from "../settlement-runs/entities.js";
import { buildStatementDocument } from "../statement-document.js";
import type { StatementDocument } from "../statement-schema.js";
import { calculate, type TermsResult } from "../terms/calculate.js";
import { spanIn } from "../terms/period.js";

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
  const ready = await calculatePeriod(app, partner, period, atStage);
  await atStage(RunStage.STATEMENT);
  const mark = await announceChange(app, partner);
  try {
    await untilKnown(() => transact(app, (tx) => store(app, tx, actor, { partner, period, ...ready })));
  } finally {
    await publishBalances(app, partner, mark);
  }
}

/** A statement that is ready to be stored. */
interface Calculated {
  readonly statement: Statement;
  /** The statement it takes on from; null for the first of its currency. */
  readonly previousId: string | null;
  readonly postings: TermsResult["postings"];
}

/** The statements of a period, and the rates that they stand on. */
interface Ready {
  readonly calculated: readonly Calculated[];
  readonly quoted: readonly Quoted[];
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
  const { inputs, quoted } = await inputsOf(app, facts);
  await atStage(RunStage.TERMS);
  const calculated = inputs.map(async (inputs) => {
    const { currency } = inputs;
    const link = links.find((each) => each.currency === currency) ?? null;
    const payment = await paymentOf(partner, period, payoutIn(terms.document, currency));
    return calculateStatement(app, { partner, period, terms, signer, link, payment, ...inputs });
  });
  return { quoted, calculated: await Promise.all(calculated) };
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
}

function calculateStatement(app: App, facts: StatementFacts): Calculated {
  const { partner, period, currency, terms, input, origins, link, payment } = facts;
  const scale = scaleOf(currency);
  const result = calculate(input);
  const [statementId, issuedAt] = [newId("stm", app.clock), app.clock.now()];
  const header = {
    ...{ tenantId: partner.tenantId, partnerId: partner.id, statementId, issuedAt, currency, scale },
    period: { id: period.id, ...spanIn(partner.timezone, period) },
    configuration: terms,
    previousStatement: link === null ? null : { id: link.id, sha256: link.sha256 },
    payment,
    commitment: commitmentOf(frontierOf(period)),
    origins,
  };
  const document = buildStatementDocument(header, input.totals, result);
  const statement = statementOf(facts, { document, result, issuedAt });
  return { statement, previousId: link?.id ?? null, postings: result.postings };
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
    paymentDueOn: document.payment?.on ?? null,
    jws: signer.sign(canonicalJson(document), STATEMENT_TYPE),
  });
}

interface ToStore extends Ready {
  readonly partner: Partner;
  readonly period: SettlementPeriod;
}

async function store(app: App, tx: Tx, actor: Actor, { partner, period, calculated, quoted }: ToStore): Promise<void> {
  const cursor = await holdCursor(tx, partner);
  if (!(await markStatementIssued(tx, partner, period.no))) return; // another closer was first
  if (!(await useRates(tx, partner.tenantId, quoted, app.clock.now()))) {
    throw settlementError("VERSION_CONFLICT", { reason: "An exchange rate was changed while the statement was made." });
  }
  const links = await linksOf(tx, partner);
  for (const each of calculated) await checkOpening(tx, partner, each, links);
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

function entryOf(period: SettlementPeriod, { statement, postings }: Calculated): NewEntry {
  const { id: statementId, issuedAt: recordedAt, currency } = statement;
  const lines = postings.map((posting) => ({ currency, ...posting }));
  return { kind: EntryKind.STATEMENT, periodNo: period.no, batchNo: null, statementId, recordedAt, lines };
}

function actOf(partner: Partner, period: SettlementPeriod, statement: Statement) {
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
