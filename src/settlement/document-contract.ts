import type { z } from "zod";
import type { CreditTerms } from "../exchange/credit-terms/service.js";
import { present } from "../kernel/assert.js";
import { parseAmount } from "../kernel/money.js";
import { Rational } from "../kernel/rational.js";
import { TransactionKind } from "../periods/entities.js";
import type { configurationSchema } from "./document-schema.js";
import { documentRefusal } from "./errors.js";
import { ruleTerms } from "./ruling.js";
import {
  type BaseTerms,
  type Cap,
  CarryPolicy,
  CarryScope,
  type CarryTerms,
  CarryUnit,
  type Contract,
  type Deduction,
  DeductionSource,
  type Fee,
  FeeKind,
  type Guarantee,
  GuaranteeKind,
  type JackpotTerms,
  type Override,
  type RateOf,
  type RingFence,
  type Rounding,
  type ShareTerms,
  TierBasis,
  TierMode,
  Window,
} from "./terms/contract.js";
import { NegativePosition, type PayoutTerms, type ReserveTerms, type TaxTerms } from "./terms/payment-terms.js";

type Document = z.infer<typeof configurationSchema>;
type OverrideDocument = NonNullable<Document["overrides"]>[number];
/** What a document says of what is released for payment. */
export type PayoutDocument = Document["payout"];
/** What a document says of conversion. */
export type FxDocument = NonNullable<Document["fx"]>;
type DeductionDocument = NonNullable<Document["base"]["deductions"]>[number];

/** A currency, and its number of decimals. */
export interface CurrencyScale {
  readonly currency: string;
  readonly scale: number;
  /** What the partner is to its tenant, which a rule is told. */
  readonly partnerKind?: string;
}

/**
 * What the document says about one currency, as exact numbers: overrides for the currency alone have taken the place of
 * what they override. An amount that has more decimals than the currency is refused (`VALIDATION`).
 */
export function contractOf(document: Document, { currency, scale, partnerKind = "" }: CurrencyScale): Contract {
  const own = overridesIn(document, currency);
  const whole = own.find(isWhole);
  const at = (member: keyof OverrideDocument) => `${whole?.[member] === undefined ? "" : whole.pointer}/${member}`;
  const minor = minorReader(scale);
  const reserve = whole?.reserve ?? document.reserve;
  const guarantee = whole?.guarantee ?? document.guarantee;
  return {
    scale,
    base: baseOf(whole?.base ?? document.base, at("base")),
    share: shareOf(whole?.share ?? document.share, at("share"), minor),
    fees: feesOf(whole?.fees ?? document.fees, at("fees"), minor),
    caps: capsOf(whole?.caps ?? document.caps, at("caps"), minor),
    guarantee: guarantee === undefined ? null : guaranteeOf(guarantee, at("guarantee"), minor),
    carry: carryOf(document.carryOver, minor),
    jackpots: jackpotsOf(whole?.jackpots ?? document.jackpots),
    reserve: reserve === undefined ? null : reserveOf(reserve, at("reserve"), minor),
    taxes: taxesOf(document),
    payout: payoutOf(whole?.payout ?? document.payout, at("payout"), minor),
    rounding: roundingOf(whole?.rounding ?? document.rounding, scale, at("rounding")),
    overrides: own.filter((each) => each !== whole).map((each) => overrideOf(each, each.pointer, minor)),
    settlesLateAtOrigin: document.lateItems === "ORIGIN_TERMS",
    rule: ruleTerms(document, { currency, partnerKind }),
  };
}

/** What the document says of payment in one currency: its own, or that of the override for the currency alone. */
export function payoutIn(document: Document, currency: string): PayoutDocument {
  return overridesIn(document, currency).find(isWhole)?.payout ?? document.payout;
}

/** How statements are agreed on; disputes are taken for thirty days where the document does not say. */
export function reviewOf({ review }: Document): { readonly disputeDays: number; readonly isAutomatic: boolean } {
  return { disputeDays: review?.disputeDays ?? 30, isAutomatic: review?.approval === "AUTOMATIC" };
}

/** How a currency is converted at close; null where it has statements of its own. */
export function conversionOf({ fx }: Document, currency: string): FxDocument | null {
  if (fx === undefined || currency === fx.to) return null;
  return (fx.from ?? [currency]).includes(currency) ? fx : null;
}

/** What the document says of prepaid credit in one currency; null where it says nothing, or converts it at close. */
export function creditIn(document: Document, { currency, scale }: CurrencyScale): CreditTerms | null {
  const { credit } = document;
  if (credit === undefined || conversionOf(document, currency) !== null) return null;
  const { drawAt, whenExhausted, creditLimit = "0", lowWater } = credit;
  return {
    ...{ drawAt, whenExhausted, creditLimitMinor: minorReader(scale)(creditLimit, "/credit/creditLimit") },
    lowWater: lowWater === undefined ? null : rationalOf(lowWater),
  };
}

/** The calendars of business days that a document names, each with the pointer to it. */
export function calendarsIn({ payout, overrides = [] }: Document) {
  const payouts = [payout, ...overrides.map((override) => override.payout)];
  return payouts.flatMap((terms, index) => {
    const path = `${index === 0 ? "" : `/overrides/${index - 1}`}/payout/businessDays`;
    return terms?.businessDays === undefined ? [] : [{ calendar: terms.businessDays, path }];
  });
}

/** A rate of the document, exactly. */
export function rationalOf(text: string): Rational {
  return present(Rational.parse(text), "a rate that was checked");
}

/** The overrides that statements of a currency look at, each with the pointer to it. */
function overridesIn({ overrides = [] }: Document, currency: string) {
  const listed = overrides.map((override, index) => ({ ...override, pointer: `/overrides/${index}` }));
  return listed.filter(({ for: match }) => (match.currency ?? currency) === currency);
}

function isWhole({ for: { brand, category, product, group } }: OverrideDocument): boolean {
  return (brand ?? category ?? product ?? group) === undefined;
}

/** Reads an amount of the document as exact minor units. */
type MinorReader = (text: string, path: string) => bigint;

function minorReader(scale: number): MinorReader {
  return (text, path) => {
    const minor = parseAmount(text, scale);
    if (typeof minor !== "bigint") throw documentRefusal([{ path, reason: `has more than ${scale} decimals` }]);
    return minor;
  };
}

function baseOf(base: Document["base"], pointer: string): BaseTerms {
  return {
    pointer,
    measure: base.measure,
    freeRoundStake: base.freeRoundStake,
    jackpotWinsIncluded: base.jackpotWins === "INCLUDED",
    deductions: (base.deductions ?? []).map(deductionOf),
    components: (base.components ?? []).map(({ kind, rate, sign }) => {
      return { kind: TransactionKind[kind], rate: rationalOf(rate), isTakenOff: sign === "MINUS" };
    }),
  };
}

function deductionOf(document: DeductionDocument): Deduction {
  return {
    type: document.type,
    rateOf: document.source === DeductionSource.RATE ? rateOf(document) : null,
    cap: document.cap === undefined ? null : rateOf(document.cap),
  };
}

function rateOf({ rate, basis }: NonNullable<DeductionDocument["cap"]>): RateOf {
  return { rate: rationalOf(rate), basis: { measure: basis.measure, less: basis.less ?? [] } };
}

function shareOf(share: Document["share"], pointer: string, minor: MinorReader): ShareTerms {
  const flat = { pointer, mode: TierMode.SLAB, window: Window.PERIOD };
  if (share.kind === "NONE") return { ...flat, brackets: [] };
  if (share.kind === "FLAT") return { ...flat, brackets: [{ upTo: null, rate: rationalOf(share.rate) }] };
  const brackets = share.brackets.map(({ upTo, rate }, index) => ({
    upTo: upTo === undefined ? null : Rational.of(minor(upTo, `${pointer}/brackets/${index}/upTo`)),
    rate: rationalOf(rate),
  }));
  return { pointer, mode: share.mode, brackets, window: share.window ?? Window.PERIOD };
}

function feesOf(fees: Document["fees"], pointer: string, minor: MinorReader): readonly Fee[] {
  return (fees ?? []).map((fee, index) => ({
    ...{ pointer: `${pointer}/${index}`, name: fee.name, kind: fee.kind, payer: fee.payer },
    amount: Rational.of(minor(fee.amount, `${pointer}/${index}/amount`)),
    kinds: fee.kind === FeeKind.FIXED ? [] : fee.kinds.map((kind) => TransactionKind[kind]),
    window: fee.kind === FeeKind.FIXED ? fee.per : Window.PERIOD,
  }));
}

function capsOf(caps: Document["caps"], pointer: string, minor: MinorReader): readonly Cap[] {
  return (caps ?? []).map(({ of, maximum, window }, index) => {
    const path = `${pointer}/${index}`;
    return { pointer: path, of, window, maximum: Rational.of(minor(maximum, `${path}/maximum`)) };
  });
}

function guaranteeOf(guarantee: NonNullable<Document["guarantee"]>, pointer: string, minor: MinorReader): Guarantee {
  const { kind } = guarantee;
  const none = { pointer, kind, amount: Rational.ZERO, window: Window.PERIOD, isProrated: false, instalments: [] };
  if (guarantee.kind === GuaranteeKind.RECOUPABLE_ADVANCE) {
    const instalments = guarantee.instalments.map(({ amount, on }, index) => {
      return { on, amount: Rational.of(minor(amount, `${pointer}/instalments/${index}/amount`)) };
    });
    return { ...none, instalments };
  }
  const amount = Rational.of(minor(guarantee.amount, `${pointer}/amount`));
  const window = guarantee.kind === GuaranteeKind.CUMULATIVE ? guarantee.window : Window.PERIOD;
  return { ...none, amount, window, isProrated: guarantee.prorate === "DAYS" };
}

function carryOf(carry: Document["carryOver"], minor: MinorReader): CarryTerms {
  const none = { unit: CarryUnit.BASE, tierBasis: TierBasis.NET, scope: CarryScope.PARTNER, rate: Rational.ONE };
  const ringFence = ringFenceOf(carry, minor);
  if (carry.policy === CarryPolicy.NONE) return { ...none, policy: carry.policy, expiresAfterPeriods: null, ringFence };
  return {
    policy: carry.policy,
    unit: carry.unit,
    tierBasis: carry.tierBasis ?? none.tierBasis,
    scope: carry.scope === undefined || carry.scope === "PLAYER" ? none.scope : carry.scope,
    rate: carry.policy === CarryPolicy.CAPPED ? rationalOf(carry.rate) : none.rate,
    expiresAfterPeriods: carry.expiresAfterPeriods ?? null,
    ringFence,
  };
}

function ringFenceOf({ ringFence }: Document["carryOver"], minor: MinorReader): RingFence | null {
  if (ringFence === undefined) return null;
  const read = (member: keyof typeof ringFence) => {
    const size = Rational.of(minor(ringFence[member].replace("-", ""), `/carryOver/ringFence/${member}`));
    return ringFence[member].startsWith("-") ? size.negate() : size;
  };
  return { playerAtMost: read("playerAtMost"), aggregateAtMost: read("aggregateAtMost") };
}

function jackpotsOf(jackpots: Document["jackpots"]): JackpotTerms {
  const contribution = jackpots?.contribution;
  return {
    contribution: contribution?.source === DeductionSource.RATE ? rateOf(contribution) : null,
    isSeparate: jackpots?.settlement === "SEPARATE",
  };
}

function reserveOf(
  { rate, of, releaseAfterPeriods, maximum }: NonNullable<Document["reserve"]>,
  pointer: string,
  minor: MinorReader,
): ReserveTerms {
  const most = maximum === undefined ? null : Rational.of(minor(maximum, `${pointer}/maximum`));
  return { rate: rationalOf(rate), of, releaseAfterPeriods, maximum: most };
}

function taxesOf({ taxes, rounding }: Document): TaxTerms {
  const { withholding, vat } = taxes ?? {};
  return {
    withholding:
      withholding === undefined
        ? null
        : { rate: rationalOf(withholding.rate), mode: withholding.rounding ?? rounding.mode },
    vat: vat === undefined ? null : { rate: rationalOf(vat.rate), treatment: vat.treatment },
  };
}

function payoutOf(payout: Document["payout"], pointer: string, minor: MinorReader): PayoutTerms {
  return {
    minimumMinor: minor(payout.minimum, `${pointer}/minimum`),
    negative: payout.negative ?? NegativePosition.CARRY,
    splits: (payout.splits ?? []).map(({ to, weight }) => ({ to, weight: rationalOf(weight) })),
  };
}

function roundingOf({ mode, stage, scale }: Document["rounding"], currencyScale: number, pointer: string): Rounding {
  if (scale !== undefined && scale > currencyScale) {
    throw documentRefusal([
      { path: `${pointer}/scale`, reason: `is more than the ${currencyScale} decimals there are` },
    ]);
  }
  return { mode, stage, ...(scale === undefined ? {} : { scale }) };
}

function overrideOf({ for: match, ...own }: OverrideDocument, pointer: string, minor: MinorReader): Override {
  const { base, share, fees, caps, guarantee } = own;
  return {
    match: {
      ...{ brand: match.brand ?? null, category: match.category ?? null },
      ...{ product: match.product ?? null, group: match.group ?? null },
    },
    base: base === undefined ? null : baseOf(base, `${pointer}/base`),
    share: share === undefined ? null : shareOf(share, `${pointer}/share`, minor),
    fees: fees === undefined ? null : feesOf(fees, `${pointer}/fees`, minor),
    caps: caps === undefined ? null : capsOf(caps, `${pointer}/caps`, minor),
    guarantee: guarantee === undefined ? null : guaranteeOf(guarantee, `${pointer}/guarantee`, minor),
  };
}
