import { present } from "../../kernel/assert.js";
import { groupBy } from "../../kernel/group.js";
import { decimalText } from "../../kernel/money.js";
import { Rational, RoundingMode } from "../../kernel/rational.js";
import { TransactionKind } from "../../periods/entities.js";
import type { KindTotal, Place } from "./activity.js";
import { type BasePart, baseOf } from "./base.js";
import type { Contract } from "./contract.js";
import { isCorrection } from "./dues.js";
import { convertWorking } from "./fx.js";
import { type ExactLine, workingLine } from "./lines.js";
import { measure } from "./measures.js";
import { daysOf, type PeriodDays } from "./period.js";
import { EACH_FACTS, type RuleCase, type RuleEach, type RuleFacts, type Ruling } from "./ruling.js";
import { partsOf } from "./units.js";
import { amount, rate, ZERO } from "./working.js";

/** What cases are made of. */
export interface RuleMatter {
  readonly contract: Contract;
  readonly totals: readonly KindTotal[];
  readonly period: PeriodDays;
}

/** The cases that a contract's rule is asked about, in the order of their scopes; none where it has no rule. */
export function casesOf({ contract, totals, period }: RuleMatter): readonly RuleCase[] {
  const { rule } = contract;
  if (rule === null) return [];
  const { currency, partnerKind } = rule;
  const groups = groupBy(totals.filter(isAsked), ({ place }) => caseScope(rule.each, place));
  if (rule.each.length === 0 && groups.size === 0) groups.set("", []);
  const [year, month] = period.firstDay.split("-");
  return [...groups]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([scope, group]) => ({
      scope,
      facts: {
        ...{ partnerKind, currency, firstDay: period.firstDay },
        ...{ year: Number(year), month: Number(month), days: daysOf(period) },
        ...amountsOf(contract, group),
        ...Object.fromEntries(rule.each.map((each) => [EACH_FACTS[each], nameIn(each, group[0]?.place)])),
      },
    }));
}

/** What a contract's rule answers about each of its cases; nothing where it has no rule. */
export function rulingsOf(matter: RuleMatter): readonly Ruling[] {
  return matter.contract.rule?.ask(casesOf(matter)) ?? [];
}

/** Totals as a rule's answers place them: in the category and group that it chose, at the rate and by the flags. */
export function applyRulings(
  { rule }: Contract,
  totals: readonly KindTotal[],
  rulings: readonly Ruling[],
): readonly KindTotal[] {
  if (rule === null) return totals;
  const answers = new Map(rulings.map(({ scope, answer }) => [scope, answer]));
  return totals.map((total) => {
    if (!isAsked(total)) return total;
    const scope = caseScope(rule.each, total.place);
    const answer = present(answers.get(scope), "an answer for every case");
    const { rate: text, category, group, bonusCost, freeRoundStake } = answer;
    const chosen = { ...(category === null ? {} : { category }), ...(group === null ? {} : { group }) };
    const place = { ...(total.place ?? NOWHERE), ...chosen };
    return {
      ...{ ...total, place },
      ...(bonusCost === null ? {} : { isBonusFree: !bonusCost }),
      ...(freeRoundStake === null ? {} : { isAtFaceValue: freeRoundStake === "FACE_VALUE" }),
      ...(text === null ? {} : { ruled: { scope, rate: rateOf(text) } }),
    };
  });
}

/** The lines that show what a rule was told, what it answered and which rows fired. */
export function rulingLines(rulings: readonly Ruling[]): readonly ExactLine[] {
  return rulings.map((ruling) => {
    const { rate: text } = ruling.answer;
    if (text === null) return { ...workingLine("RULE", "/rules", ZERO, ruling.scope), ruling };
    const chosen = rate("rate", rateOf(text));
    return { ...workingLine("RULE_RATE", "/rules", chosen, ruling.scope), isRate: true, ruling };
  });
}

const NOWHERE: Place = { brand: "", product: "", category: "" };

/** What a dispute put right and what credit was bought for are owed as they are, whatever a rule chooses. */
function isAsked(total: KindTotal): boolean {
  return !isCorrection(total) && !total.kind.endsWith(TransactionKind.CREDIT_PURCHASE);
}

function caseScope(each: readonly RuleEach[], place: Place | undefined): string {
  return each.map((dimension) => `${EACH_FACTS[dimension]}=${nameIn(dimension, place)}`).join(" ");
}

function nameIn(each: RuleEach, place: Place | undefined): string {
  return place?.[EACH_FACTS[each]] ?? "";
}

function rateOf(text: string): Rational {
  return present(Rational.parse(text), "a rate that was checked");
}

/** Turnover, GGR and base by the terms that hold without the rule, in the statement's currency, late items counted. */
function amountsOf(contract: Contract, totals: readonly KindTotal[]): RuleFacts {
  const sums = partsOf(contract, totals, null).map((part) => {
    const { TURNOVER, GGR } = measure(part.terms, part.totals, "").named;
    return { turnover: convertedOf(part, TURNOVER), ggr: convertedOf(part, GGR), base: baseOf([part], "").base.value };
  });
  const sumOf = (name: "turnover" | "ggr" | "base") => {
    const sum = sums.reduce((total, part) => total.plus(part[name]), Rational.ZERO);
    return decimalText(sum.round(RoundingMode.FLOOR), contract.scale);
  };
  return { turnover: sumOf("turnover"), ggr: sumOf("ggr"), base: sumOf("base") };
}

function convertedOf({ foreign }: BasePart, { value }: { readonly value: Rational }): Rational {
  return foreign === null ? value : convertWorking(foreign, amount("amount", value)).value;
}
