import type { z } from "zod";
import { WhenExhausted } from "../exchange/credit/entities.js";
import { Rational } from "../kernel/rational.js";
import { rationalOf } from "./document-contract.js";
import type { configurationSchema } from "./document-schema.js";
import type { DocumentProblem } from "./errors.js";
import { ruleProblems, ruleWarnings } from "./rule-checks.js";
import { choicesIn } from "./ruling.js";
import {
  CarryPolicy,
  CarryScope,
  CarryUnit,
  FeeKind,
  GuaranteeKind,
  TierBasis,
  TierMode,
  type Window,
} from "./terms/contract.js";
import { RateType } from "./terms/fx.js";
import { isTooShort } from "./terms/period.js";
import { tierWarnings } from "./terms/tiers.js";

type Document = z.infer<typeof configurationSchema>;
type Problem = DocumentProblem;
type Share = Document["share"];
type Override = NonNullable<Document["overrides"]>[number];
type Terms = Pick<Override, "base" | "share" | "fees" | "caps" | "guarantee">;

/** A base's denominator divides the product of its rates'; everything written must stay within 400 digits. */
const DENOMINATOR_MAX = 10n ** 27n;
const DENOMINATORS_MAX = 10n ** 300n;

/** Members that concern a whole statement, so that no part of its activity can have its own. */
const WHOLE_ONLY = ["jackpots", "reserve", "payout", "rounding"] as const;

/** What is wrong in a document whose shape is right: what its members mean together. */
export function documentProblems(document: Document): readonly Problem[] {
  return [
    ...termsOf(document).flatMap(({ pointer, terms }) => [
      ...precisionProblems(terms, `${pointer}/base`),
      ...windowProblems(terms, document.cycle, pointer),
      ...tierProblems(terms.share, document.carryOver, `${pointer}/share`),
      ...nameProblems(terms.fees, `${pointer}/fees`),
    ]),
    ...totalPrecisionProblems(document),
    ...splitProblems(document),
    ...jackpotProblems(document),
    ...overrideProblems(document),
    ...poolProblems(document),
    ...fxProblems(document),
    ...(document.rules === undefined ? [] : ruleProblems(document.rules, choicesIn(document))),
    ...ringFenceProblems(document),
    ...creditProblems(document),
  ];
}

/**
 * What is allowed and may surprise: cliffs, tables that pay less for more, rows that never fire, each as
 * `<JSON pointer> <reason>`. An answer for whoever drafts, never a refusal.
 */
export function warningsOf(document: Document): readonly string[] {
  const rule = document.rules === undefined ? [] : ruleWarnings(document.rules);
  const tiers = termsOf(document).flatMap(({ pointer, terms: { share } }) => {
    if (share?.kind !== "TIERED") return [];
    const brackets = share.brackets.map(({ upTo, rate }) => ({
      upTo: upTo === undefined ? null : Rational.parse(upTo),
      rate: rationalOf(rate),
    }));
    const warnings = tierWarnings({ mode: TierMode[share.mode], brackets });
    return warnings.map(({ index, reason }) => `${pointer}/share/brackets/${index} ${reason}`);
  });
  return [...tiers, ...rule];
}

/** The document's own terms, and those of each override. */
function termsOf(document: Document): readonly { readonly pointer: string; readonly terms: Terms }[] {
  const overrides = (document.overrides ?? []).map((terms, index) => ({ pointer: `/overrides/${index}`, terms }));
  return [{ pointer: "", terms: document }, ...overrides];
}

function precisionProblems({ base }: Terms, pointer: string): readonly Problem[] {
  if (base === undefined || denominatorOf(base) <= DENOMINATOR_MAX) return [];
  const member = base.components === undefined ? "deductions" : "components";
  return [{ path: `${pointer}/${member}`, reason: "have rates that are too fine together" }];
}

function denominatorOf({ deductions = [], components = [] }: Document["base"]): bigint {
  const rates = [
    ...deductions.flatMap((deduction) => [
      ...("rate" in deduction ? [deduction.rate] : []),
      ...(deduction.cap === undefined ? [] : [deduction.cap.rate]),
    ]),
    ...components.map(({ rate }) => rate),
  ];
  return rates.reduce((product, rate) => product * rationalOf(rate).d, 1n);
}

/** Sums over all shares of a statement must still be written. */
function totalPrecisionProblems(document: Document): readonly Problem[] {
  const denominators = new Set(
    termsOf(document).flatMap(({ terms: { base, share } }) => [
      base === undefined ? 1n : denominatorOf(base),
      ...ratesOf(share).map((rate) => rationalOf(rate).d),
    ]),
  );
  const product = [...denominators].reduce((whole, each) => whole * each, 1n);
  return product <= DENOMINATORS_MAX ? [] : [{ path: "/share", reason: "has rates that are too fine together" }];
}

function ratesOf(share: Share | undefined): readonly string[] {
  if (share === undefined || share.kind === "NONE") return [];
  return share.kind === "FLAT" ? [share.rate] : share.brackets.map(({ rate }) => rate);
}

function windowProblems({ share, fees, caps, guarantee }: Terms, cycle: Document["cycle"], pointer: string) {
  const windows: (readonly [path: string, window: Window | undefined])[] = [
    [`${pointer}/share/window`, share?.kind === "TIERED" ? share.window : undefined],
    ...(fees ?? []).map((fee, index) => {
      return [`${pointer}/fees/${index}/per`, fee.kind === FeeKind.FIXED ? fee.per : undefined] as const;
    }),
    ...(caps ?? []).map(({ window }, index) => [`${pointer}/caps/${index}/window`, window] as const),
    [`${pointer}/guarantee/window`, guarantee?.kind === GuaranteeKind.CUMULATIVE ? guarantee.window : undefined],
  ];
  return windows
    .filter(([, window]) => window !== undefined && isTooShort(window, cycle))
    .map(([path]) => ({ path, reason: "is shorter than the cycle's periods" }));
}

/** Brackets are contiguous by form, each starting where the one before ends: bounds rise, only the last has none. */
function tierProblems(share: Share | undefined, carry: Document["carryOver"], pointer: string): readonly Problem[] {
  if (share?.kind !== "TIERED") return [];
  const { brackets } = share;
  const problems = brackets.flatMap(({ upTo }, index): Problem[] => {
    const path = `${pointer}/brackets/${index}/upTo`;
    const isLast = index === brackets.length - 1;
    if (isLast !== (upTo === undefined)) {
      return [
        { path, reason: isLast ? "bounds the last bracket, which has none" : "is missing: only the last has none" },
      ];
    }
    const below = brackets[index - 1]?.upTo ?? "0";
    const rises = upTo === undefined || rationalOf(upTo).compare(rationalOf(below)) > 0;
    return rises ? [] : [{ path, reason: "does not lie above the bound before it: brackets overlap" }];
  });
  const isGross = carry.policy !== CarryPolicy.NONE && carry.tierBasis === TierBasis.GROSS;
  if (!isGross || (share.mode === TierMode.SLAB && carry.unit === CarryUnit.BASE)) return problems;
  return [...problems, { path: "/carryOver/tierBasis", reason: "GROSS belongs to SLAB tiers and a carried base" }];
}

function nameProblems(fees: Document["fees"], pointer: string): readonly Problem[] {
  const names = (fees ?? []).map(({ name }) => name);
  return names
    .map((name, index) => ({ path: `${pointer}/${index}/name`, isTwice: names.indexOf(name) !== index }))
    .filter(({ isTwice }) => isTwice)
    .map(({ path }) => ({ path, reason: "is the name of another fee" }));
}

function splitProblems(document: Document): readonly Problem[] {
  const payouts = [
    ["/payout", document.payout] as const,
    ...(document.overrides ?? []).map(({ payout }, index) => [`/overrides/${index}/payout`, payout] as const),
  ];
  return payouts.flatMap(([pointer, payout]) => {
    const splits = payout?.splits ?? [];
    const sum = splits.reduce((total, { weight }) => total.plus(rationalOf(weight)), Rational.ZERO);
    if (splits.length === 0 || sum.equals(Rational.ONE)) return [];
    return [{ path: `${pointer}/splits`, reason: "have weights that do not add up to 1" }];
  });
}

/** Deductions are a base's; a contribution stands before any. */
function jackpotProblems({ jackpots, overrides = [] }: Document): readonly Problem[] {
  const listed = [
    ["/jackpots", jackpots] as const,
    ...overrides.map((override, index) => [`/overrides/${index}/jackpots`, override.jackpots] as const),
  ];
  return listed
    .filter(([, terms]) => terms !== undefined && "basis" in terms.contribution && terms.contribution.basis.less)
    .map(([pointer]) => ({ path: `${pointer}/contribution/basis/less`, reason: "belongs to deductions" }));
}

/** Whether jackpot wins are the pool's or winnings is asked of the whole statement, which owes them or does not. */
function poolProblems({ base, overrides = [] }: Document): readonly Problem[] {
  return overrides.flatMap((override, index) => {
    if (override.base === undefined || override.base.jackpotWins === base.jackpotWins) return [];
    return [{ path: `/overrides/${index}/base/jackpotWins`, reason: "differs from that of the document" }];
  });
}

function fxProblems({ fx, cycle }: Document): readonly Problem[] {
  if (fx === undefined) return [];
  const problems: Problem[] = [];
  if (fx.type === RateType.DAILY_CLOSE && cycle.kind !== "DAILY") {
    problems.push({ path: "/fx/type", reason: "DAILY_CLOSE belongs to the cycle DAILY" });
  }
  if (fx.from?.includes(fx.to)) problems.push({ path: "/fx/from", reason: "converts a currency into itself" });
  return problems;
}

function ringFenceProblems({ carryOver }: Document): readonly Problem[] {
  const { ringFence } = carryOver;
  const { scope, unit } = carryOver.policy === CarryPolicy.NONE ? {} : carryOver;
  const at = "/carryOver/ringFence";
  if (ringFence === undefined) {
    return scope === "PLAYER" ? [{ path: "/carryOver/scope", reason: "PLAYER goes with a ringFence" }] : [];
  }
  const zero = Rational.ZERO;
  return [
    ...(scope === CarryScope.BRAND || scope === CarryScope.GAME
      ? [{ path: at, reason: "belongs to the scope PARTNER or PLAYER" }]
      : []),
    ...(unit === CarryUnit.COMMISSION ? [{ path: at, reason: "belongs to a carried base" }] : []),
    ...(rationalOf(ringFence.playerAtMost).compare(zero) < 0
      ? []
      : [{ path: `${at}/playerAtMost`, reason: "is not below zero" }]),
    ...(rationalOf(ringFence.aggregateAtMost).compare(zero) <= 0
      ? []
      : [{ path: `${at}/aggregateAtMost`, reason: "is above zero" }]),
  ];
}

function creditProblems({ credit }: Document): readonly Problem[] {
  if (credit === undefined) return [];
  const isLine = credit.whenExhausted === WhenExhausted.CREDIT_LINE;
  if (isLine === (credit.creditLimit !== undefined)) return [];
  return [{ path: "/credit/creditLimit", reason: isLine ? "is missing: it is the line" : "belongs to CREDIT_LINE" }];
}

function overrideProblems({ overrides = [] }: Document): readonly Problem[] {
  const seen = overrides.map(({ for: { currency, brand, category, product, group } }) =>
    [currency, brand, category, product, group].map((name) => name ?? "").join("\n"),
  );
  return overrides.flatMap((override, index) => {
    const path = `/overrides/${index}`;
    const { brand, category, product, group, currency } = override.for;
    if (seen.indexOf(seen[index] ?? "") !== index) return [{ path: `${path}/for`, reason: "is overridden twice" }];
    if ((brand ?? category ?? product ?? group) === undefined) return [];
    const everywhere = ["", brand, category, product, group].map((name) => name ?? "").join("\n");
    if (currency !== undefined && seen.includes(everywhere)) {
      return [{ path: `${path}/for`, reason: "is overridden for its currency and for all" }];
    }
    const whole = WHOLE_ONLY.filter((member) => override[member] !== undefined);
    const members = whole.map((member) => ({
      path: `${path}/${member}`,
      reason: "concerns the whole statement: only an override for a currency alone has it",
    }));
    const own = (["caps", "guarantee"] as const).filter((name) => override[name] !== undefined && !override.share);
    return [...members, ...own.map((name) => ({ path: `${path}/${name}`, reason: "belongs to a share of its own" }))];
  });
}
