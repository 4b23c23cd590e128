import { z } from "zod";
import { Rational } from "../kernel/rational.js";
import { TransactionKind } from "../periods/entities.js";
import { DeductionSource, DeductionType, FreeRoundStake, Measure } from "./terms/contract.js";

/** The most deductions, fees, caps, brackets or splits that one document lists. */
const LIST_LENGTH_MAX = 32;

/** A list that says something: at least one item, at most 32. */
export function listOf<T extends z.ZodType>(item: T): z.ZodArray<T> {
  return z.array(item).min(1).max(LIST_LENGTH_MAX);
}

/** A code of ours or of the partner's: a kind, brand, product, category, source. */
export const code = z.string().regex(/^[A-Za-z0-9._:-]{1,64}$/, "is 1 to 64 of [A-Za-z0-9._:-]");

/** A kind of transaction that is one of its own: all but ROLLBACK, which is counted against its original. */
export const kind = z.enum(TransactionKind).exclude(["ROLLBACK", "CREDIT_PURCHASE", "CREDIT_DRAWDOWN"]);

/** A currency's code. */
export const currency = z.string().regex(/^[A-Z][A-Z0-9]{2,9}$/, "is a currency code");

/** A local calendar date. */
export const date = z.iso.date("is a date, YYYY-MM-DD");

/** A fixed length of time. */
export const duration = z
  .string()
  .regex(
    /^P(?!$)(?:\d{1,2}D)?(?:T(?=\d)(?:\d{1,3}H)?(?:\d{1,5}M)?(?:\d{1,7}S)?)?$/,
    "is an ISO 8601 duration such as PT6H",
  )
  .describe("ISO 8601 duration of days (24 hours each), hours, minutes and seconds.");

/** An amount of money, not negative. */
export const amount = z
  .string()
  .regex(/^(?:0|[1-9]\d{0,14})(?:\.\d{1,8})?$/, "is a decimal amount that is not negative")
  .describe("Decimal string in the statement's currency, with at most its decimals.");

/** An amount of money that may be negative. */
export const signedAmount = z
  .string()
  .regex(/^-?(?:0|[1-9]\d{0,14})(?:\.\d{1,8})?$/, "is a decimal amount")
  .describe("Decimal string in the statement's currency, with at most its decimals.");

/** A part of something. */
export const rate = z
  .string()
  .regex(/^(?:0(?:\.\d{1,9})?|1(?:\.0{1,9})?|\d{1,9}\/[1-9]\d{0,8})$/, "is a rate from 0 to 1, such as 0.12 or 1/3")
  .refine((text) => Rational.parse(text)?.compare(Rational.ONE) !== 1, "is a rate from 0 to 1, such as 0.12 or 1/3")
  .describe("From 0 to 1: a decimal string, or an exact fraction n/d.");

/** What a rate applies to. */
export const basis = z.strictObject({
  measure: z.enum([Measure.TURNOVER, Measure.GGR]).describe("What the rate applies to, of this period."),
  less: listOf(z.enum(DeductionType))
    .optional()
    .describe("Deductions standing earlier in the list that are taken off first, as far as they were deducted."),
});
const cap = z.strictObject({ rate, basis }).describe("At most rate × max(basis, 0) is deducted.");
const deductionType = z.enum(DeductionType).describe("Which cost is taken off GGR.");
const deduction = z.discriminatedUnion("source", [
  z.strictObject({
    type: deductionType,
    source: z.literal(DeductionSource.TRANSACTIONS).describe("The period's total of the transactions of this type."),
    cap: cap.optional(),
  }),
  z.strictObject({
    type: deductionType,
    source: z.literal(DeductionSource.RATE).describe("rate × max(basis, 0)."),
    rate,
    basis,
    cap: cap.optional(),
  }),
]);
type DeductionShape = z.infer<typeof deduction>;

const baseShape = z.strictObject({
  measure: z
    .enum(Measure)
    .describe("NGR is GGR less the deductions; TURNOVER and GGR have none; CUSTOM has components."),
  freeRoundStake: z
    .enum(FreeRoundStake)
    .describe("Whether the stake of a free round counts as a bet and as a bonus cost."),
  jackpotWins: z
    .enum(["EXCLUDED", "INCLUDED"])
    .describe("Whether jackpot wins are winnings; excluded ones are the pool's."),
  deductions: listOf(deduction).optional().describe("In the order in which they are taken off."),
  components: listOf(z.strictObject({ kind, rate, sign: z.enum(["PLUS", "MINUS"]) }))
    .optional()
    .describe("CUSTOM only: the kinds that make the base."),
});
/** How statements are agreed on before they are paid. */
export const review = z.strictObject({
  disputeDays: z
    .int()
    .min(0)
    .max(365)
    .optional()
    .describe("The partner may dispute a statement until so many times 24 hours after its issue; absent: 30."),
  approval: z
    .enum(["MANUAL", "AUTOMATIC"])
    .optional()
    .describe("AUTOMATIC: undisputed until then, or acknowledged, it becomes payable by itself; absent: MANUAL."),
});

/** What the share is computed from. */
export const base = baseShape.superRefine(checkBase);

/**
 * What the shape alone cannot say of a base: which members belong to which measure, and that deductions refer
 * backwards.
 */
function checkBase(value: z.infer<typeof baseShape>, context: z.RefinementCtx): void {
  const { measure, components, deductions = [] } = value;
  const refuse = (path: (string | number)[], message: string) => context.addIssue({ code: "custom", path, message });
  if ((measure === Measure.CUSTOM) !== (components !== undefined))
    refuse(["components"], "belong to the measure CUSTOM");
  if (measure === Measure.NGR && deductions.length === 0) refuse(["deductions"], "are what makes NGR of GGR");
  if (measure !== Measure.NGR && deductions.length > 0) refuse(["deductions"], "belong to the measure NGR");
  for (const [index, item] of deductions.entries()) {
    const fault = faultOf(item, deductions.slice(0, index));
    if (fault !== null) refuse(["deductions", index], fault);
  }
}

function faultOf(item: DeductionShape, earlier: readonly DeductionShape[]): string | null {
  const alike = earlier.filter(({ type }) => type === item.type);
  const isTotal = ({ source }: DeductionShape) => source === DeductionSource.TRANSACTIONS;
  if (isTotal(item) && alike.some(isTotal)) return "deducts the same transactions twice";
  const later = lessOf(item).find((less) => !earlier.some(({ type }) => type === less));
  return later === undefined ? null : `takes off ${later}, which does not stand earlier`;
}

function lessOf(item: DeductionShape): readonly DeductionType[] {
  const own = item.source === DeductionSource.RATE ? (item.basis.less ?? []) : [];
  return [...own, ...(item.cap?.basis.less ?? [])];
}
