import { present } from "../kernel/assert.js";
import { canonicalJson } from "../kernel/canonical-json.js";
import { CodedError } from "../kernel/errors.js";
import { isPaymentDate } from "../periods/calendars/service.js";
import { parseConfiguration } from "./document.js";
import { payoutIn } from "./document-contract.js";
import { creditFaults, creditOn } from "./statement-credit.js";
import {
  buildStatementDocument,
  conversionsText,
  type StatementHeader,
  stateText,
  totalsText,
} from "./statement-document.js";
import { factsIn } from "./statement-facts.js";
import { type StatementDocument, statementSchema } from "./statement-schema.js";
import { calculate, openedState, type TermsInput, type TermsResult } from "./terms/calculate.js";
import { isCorrection } from "./terms/dues.js";
import { descriptionOf } from "./terms/lines.js";
import { isWindowOpen } from "./terms/share.js";
import { tidyState } from "./terms/state.js";
import { shareIn } from "./terms/units.js";

const DIFFERENCES_MAX = 100;
/** How older releases named what was carried into a tier window, on every statement of it. */
const CARRY_IN = { code: "CARRY_IN", description: descriptionOf("CARRY_IN") };

/**
 * Makes a statement again from its own totals, configuration, opening and carry, and lists what differs from what it
 * states: `<JSON pointer> …`, at most 100 sentences. None means that every amount on it follows from its terms, no line
 * is missing or too much, and all is written in the one way there is. The signature, and that the opening is the
 * closing before, are for others to check.
 */
export function recomputeStatement(document: unknown): readonly string[] {
  const parsed = statementSchema.safeParse(document);
  const found = parsed.success
    ? statementDifferences(parsed.data)
    : parsed.error.issues.map(({ path, message }) => `${pointerOf(path)} is refused (${message})`);
  return found.slice(0, DIFFERENCES_MAX);
}

/** The lines of a statement, named as now: releases before said CARRY_IN on every statement of a tier window. */
export function linesNamedNow(statement: StatementDocument): StatementDocument["lines"] {
  const windows = new Set(statement.lines.flatMap(({ code, scope }) => (code === "WINDOW_BASE" ? [scope] : [])));
  const isAsked = ({ code, scope }: StatementDocument["lines"][number]) => code === "CARRY_IN" && windows.has(scope);
  if (!statement.lines.some(isAsked)) return statement.lines;
  const facts = factsIn(statement);
  if (!("contract" in facts)) return statement.lines; // nobody can tell: they stay as they are
  const { contract, period } = facts;
  const state = openedState(facts);
  return statement.lines.map((line) => {
    const { scope } = line;
    const isOpen = isAsked(line) && isWindowOpen({ scope, share: shareIn(contract, scope), state, period });
    return isOpen ? { ...line, code: "WINDOW_CARRY_IN", description: descriptionOf("WINDOW_CARRY_IN") } : line;
  });
}

function statementDifferences(statement: StatementDocument): readonly string[] {
  const facts = factsIn(statement);
  if (!("contract" in facts)) return facts;
  const missing = [...originFaults(statement), ...creditFaults(statement, facts.totals)];
  if (missing.length > 0) return missing;
  const result = resultOf({ ...facts, credit: creditOn(statement) });
  if (typeof result === "string") return [result];
  const again = buildStatementDocument(headerOf(statement, facts), facts.totals, result);
  return [...differences(again, statement, ""), ...paymentFaults(statement), ...correctionFaults(statement)];
}

/** What a statement says besides what is calculated; its facts as they were read, to be written again. */
function headerOf(statement: StatementDocument, { totals, origins = [] }: TermsInput): StatementHeader {
  const { iss, sub, jti, iat, period, scale, transactions, ...stated } = statement;
  return {
    ...{ currency: stated.currency, scale, configuration: parsedConfiguration(stated.configuration) },
    ...{ tenantId: iss, partnerId: sub, statementId: jti, issuedAt: new Date(iat * 1_000) },
    ...{ previousStatement: stated.previousStatement, payment: stated.payment ?? null },
    ...{ credit: creditOn(statement), corrections: stated.corrections ?? [] },
    ...(stated.partnerKind === undefined ? {} : { partnerKind: stated.partnerKind }),
    ...(transactions === undefined ? {} : { commitment: { size: transactions.batches, root: transactions.root } }),
    period: { id: period.id, timezone: period.timezone, ...instantsOf(period) },
    origins: (stated.origins ?? []).map(({ settled: _, lines: __, conversions: ___, ...origin }, index) => {
      const { totals: own, before, state } = present(origins[index], "an origin that was read");
      const late = totals.filter(({ originPeriodId }) => originPeriodId === origin.period.id);
      return {
        ...{ ...origin, totals: totalsText(own, scale), late: totalsText(before, scale) },
        ...conversionsText([...own, ...before, ...late]),
        state: { opening: stateText(tidyState(state), scale) },
      };
    }),
  };
}

function parsedConfiguration({ document, ...configuration }: StatementDocument["configuration"]) {
  return { ...configuration, document: parseConfiguration(document) };
}

function instantsOf({ start, end, cycleStart, cycleEnd }: StatementDocument["period"]) {
  const [startsAt, endsAt] = [new Date(start), new Date(end)];
  return { startsAt, endsAt, cycleStartsAt: new Date(cycleStart), cycleEndsAt: new Date(cycleEnd) };
}

/** What the facts come to, the embedded rules asked again; or why one gives no answer. */
function resultOf(facts: TermsInput): TermsResult | string {
  try {
    return calculate(facts);
  } catch (error) {
    if (error instanceof CodedError) return `/configuration/document/rules: ${error.message}`;
    throw error;
  }
}

/** Every adjustment of a dispute says where it comes from, and no more is said than was adjusted. */
function correctionFaults({ totals, corrections = [], currency }: StatementDocument): readonly string[] {
  const posted = totals
    .filter(isCorrection)
    .map((total) => `${total.category} ${total.currency ?? currency} ${total.sum}`)
    .sort();
  const said = corrections.map((each) => `${each.dispute} ${each.currency} ${each.amount}`).sort();
  return canonicalJson(posted) === canonicalJson(said) ? [] : ["/corrections are not the adjustments of disputes"];
}

/** Late items that settle at their origin's terms need that origin, once, and no other is there. */
function originFaults({ configuration, totals, origins = [] }: StatementDocument): readonly string[] {
  const isApart = parseConfiguration(configuration.document).lateItems === "ORIGIN_TERMS";
  const late = totals.flatMap(({ originPeriodId }) => (isApart ? (originPeriodId ?? []) : []));
  const stated = origins.map(({ period }) => period.id);
  const isRight =
    stated.length === new Set(stated).size && [...stated].sort().join() === [...new Set(late)].sort().join();
  const isTheirs = origins.every(({ period, late: items }) => {
    return items.every(({ originPeriodId }) => originPeriodId === period.id);
  });
  return isRight && isTheirs ? [] : ["/origins are not those of the late items"];
}

/** When it is to be paid follows from the terms, the days that are said to have been closed apart. */
function paymentFaults({ payment, configuration, currency }: StatementDocument): readonly string[] {
  const { dueAfterDays, businessDays = null } = payoutIn(parseConfiguration(configuration.document), currency);
  if (payment === undefined) return dueAfterDays === undefined ? [] : ["/payment states nothing, the terms name days"];
  if (payment.afterDays !== dueAfterDays) return ["/payment/afterDays is not that of the terms"];
  if (payment.calendar !== businessDays) return ["/payment/calendar is not that of the terms"];
  if (businessDays === null && payment.closedDays.length > 0) return ["/payment/closedDays are not of the terms"];
  return isPaymentDate(payment) ? [] : ["/payment/on is not so many days later"];
}

/** Where the stated value differs from the computed one. */
function differences(computed: unknown, stated: unknown, pointer: string): readonly string[] {
  if (Array.isArray(computed) && Array.isArray(stated) && computed.length !== stated.length) {
    return [`${pointer} has ${stated.length} items, computed are ${computed.length}`];
  }
  if (isObject(computed) && isObject(stated)) {
    if (computed["code"] === "WINDOW_CARRY_IN" && stated["code"] === "CARRY_IN") {
      return differences({ ...computed, ...CARRY_IN }, stated, pointer);
    }
    const names = new Set([...Object.keys(computed), ...Object.keys(stated)]);
    return [...names].flatMap((name) => differences(computed[name], stated[name], `${pointer}/${name}`));
  }
  return computed === stated ? [] : [`${pointer} states ${textOf(stated)}, computed is ${textOf(computed)}`];
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

function textOf(value: unknown): string {
  return value === undefined ? "nothing" : canonicalJson(value);
}

function pointerOf(path: readonly PropertyKey[]): string {
  return path.map((name) => `/${String(name)}`).join("") || "/";
}
