import { z } from "zod";
import { RoundingMode } from "../kernel/rational.js";
import {
  amount,
  base,
  basis,
  code,
  credit,
  currency,
  date,
  duration,
  kind,
  listOf,
  rate,
  review,
  signedAmount,
  text,
} from "./document-base.js";
import { ruleSchema } from "./document-rules.js";
import {
  CapOf,
  CarryPolicy,
  CarryScope,
  CarryUnit,
  DeductionSource,
  FeeKind,
  FeePayer,
  GuaranteeKind,
  RoundingStage,
  TierBasis,
  TierMode,
  Window,
} from "./terms/contract.js";
import { RateType } from "./terms/fx.js";
import { NegativePosition, ReserveOf, VatTreatment } from "./terms/payment-terms.js";

const OVERRIDES_MAX = 500;
const EXPIRY_PERIODS_MAX = 1_000;
const CLOSED_DAYS_MAX = 100;

const window = z
  .enum(Window)
  .describe("Calendar weeks (from Monday), months, quarters and years of the partner's zone; CONTRACT never ends.");
const dayOfMonth = z
  .int()
  .min(1)
  .max(31)
  .describe("The local day on which a period starts; in a shorter month the last.");

const cycle = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("DAILY") }),
  z.strictObject({
    kind: z.literal("WEEKLY"),
    weekday: z
      .enum(["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY"])
      .describe("The local day on which a period starts."),
  }),
  z.strictObject({
    kind: z.literal("BIWEEKLY"),
    anchor: date.describe("The local first day of any one of the periods."),
  }),
  z.strictObject({ kind: z.literal("MONTHLY"), dayOfMonth }),
  z.strictObject({
    kind: z.literal("QUARTERLY"),
    month: z.int().min(1).max(3).describe("The year's first starting month."),
    dayOfMonth,
  }),
  z.strictObject({
    kind: z.literal("CUSTOM"),
    schedule: z
      .string()
      .min(9)
      .max(200)
      .describe(
        "minute hour day-of-month month day-of-week, as in crontab, in the partner's zone; each match starts a" +
          " period. One minute and one hour; not both days restricted; L is a month's last day; one a year at least.",
      ),
  }),
]);

const bracket = z.strictObject({
  upTo: amount
    .optional()
    .describe("Upper bound, inclusive; the next bracket starts immediately above. The last has none."),
  rate,
});
const share = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("FLAT"), rate }),
  z.strictObject({
    kind: z.literal("TIERED"),
    mode: z.enum(TierMode).describe("SLAB: one rate for all of it. MARGINAL: each bracket its own."),
    brackets: listOf(bracket),
    window: window.optional().describe("Tiers accumulate over this, less what was settled in it; absent: PERIOD."),
  }),
  z.strictObject({ kind: z.literal("NONE") }),
]);

const feeCommon = { name: code, payer: z.enum(FeePayer) };
const fee = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal(FeeKind.FIXED),
    ...feeCommon,
    amount,
    per: window,
  }),
  z.strictObject({
    kind: z.literal(FeeKind.PER_TRANSACTION),
    ...feeCommon,
    amount,
    kinds: listOf(kind),
  }),
  z.strictObject({
    kind: z.literal(FeeKind.PER_UNIT),
    ...feeCommon,
    amount,
    kinds: listOf(kind),
  }),
]);
const instalment = z.strictObject({ amount, on: date });
const guarantee = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal(GuaranteeKind.FLOOR),
    amount,
    prorate: z.enum(["DAYS", "NONE"]),
  }),
  z.strictObject({
    kind: z.literal(GuaranteeKind.CUMULATIVE),
    amount,
    window,
    prorate: z.enum(["DAYS", "NONE"]),
  }),
  z.strictObject({
    kind: z.literal(GuaranteeKind.RECOUPABLE_ADVANCE),
    instalments: listOf(instalment),
  }),
]);

const ringFence = z
  .strictObject({ playerAtMost: signedAmount, aggregateAtMost: signedAmount })
  .optional()
  .describe("A player this far down in an aggregate this far down carries alone.");
const carryCommon = {
  unit: z.enum(CarryUnit).describe("Whether the base or the commission is carried."),
  tierBasis: z.enum(TierBasis).optional().describe("Whether tiers look at the base after or before the carry."),
  expiresAfterPeriods: z.int().min(1).max(EXPIRY_PERIODS_MAX).optional(),
  scope: z
    .enum([...Object.values(CarryScope), "PLAYER"])
    .optional()
    .describe("What carries for itself; absent: PARTNER. PLAYER: players by the ring-fence, the rest together."),
  ringFence,
};
const carryOver = z.discriminatedUnion("policy", [
  z.strictObject({ policy: z.literal(CarryPolicy.NONE), ringFence }),
  z.strictObject({ policy: z.literal(CarryPolicy.FULL), ...carryCommon }),
  z.strictObject({
    policy: z.literal(CarryPolicy.CAPPED),
    ...carryCommon,
    rate: rate.describe("Of a positive base, what a carry may take."),
  }),
]);

const jackpots = z.strictObject({
  contribution: z.discriminatedUnion("source", [
    z.strictObject({ source: z.literal(DeductionSource.TRANSACTIONS) }),
    z.strictObject({ source: z.literal(DeductionSource.RATE), rate, basis }),
  ]),
  settlement: z.enum(["NETTED", "SEPARATE"]).describe("Whether both legs are netted with the share on one statement."),
});
const reserve = z.strictObject({
  rate,
  of: z.enum(ReserveOf),
  releaseAfterPeriods: z.int().min(1).max(EXPIRY_PERIODS_MAX),
  maximum: amount.optional(),
});
const taxes = z.strictObject({
  withholding: z.strictObject({ rate, rounding: z.enum(RoundingMode).optional() }).optional(),
  vat: z.strictObject({ rate, treatment: z.enum(VatTreatment) }).optional(),
});
const fx = z.strictObject({
  to: currency.describe("Of the partner's currencies, the one whose statement takes the converted activity."),
  from: listOf(currency).optional().describe("Currencies that are converted; absent: all others."),
  type: z
    .enum(RateType)
    .describe(
      "The last rate of that type within the period; TRANSACTION: of each transaction's local day, or the last before.",
    ),
  source: code.describe("Whose rates, as they were entered."),
  triangulateBy: currency.optional().describe("Two rates through this currency; absent: one rate, never inverted."),
});
const payoutShape = z.strictObject({
  minimum: amount.describe(
    "A positive position below it is kept for the next statement; 0 releases every positive one.",
  ),
  negative: z.enum(NegativePosition).optional().describe("What becomes of a negative position; absent: CARRY."),
  dueAfterDays: z
    .int()
    .min(0)
    .max(365)
    .optional()
    .describe("A statement is to be paid so many days after its period fell due, in the partner's zone."),
  businessDays: z
    .string()
    .regex(/^[A-Z]{2}(?:-[A-Z0-9]{1,3})?$/, "is a country code")
    .optional()
    .describe(
      "Country, or part of one as in US-CA, whose weekends and holidays are not counted; absent: all days count.",
    ),
  closedOn: z
    .array(date)
    .min(1)
    .max(CLOSED_DAYS_MAX)
    .optional()
    .describe("With businessDays: days that are closed besides, such as those that a government names late."),
  splits: listOf(z.strictObject({ to: code, weight: rate })).optional(),
});
const payout = payoutShape.superRefine(({ dueAfterDays, businessDays, closedOn }, context) => {
  const refuse = (path: string, message: string) => context.addIssue({ code: "custom", path: [path], message });
  if (businessDays !== undefined && dueAfterDays === undefined) refuse("businessDays", "are counted by dueAfterDays");
  if (closedOn !== undefined && businessDays === undefined) refuse("closedOn", "lengthens a calendar of businessDays");
});

const rounding = z.strictObject({
  mode: z.enum(RoundingMode),
  stage: z
    .enum(RoundingStage)
    .describe("LINE: each earned line. TOTAL: their sum once, shared out by largest remainder."),
  scale: z.int().min(0).max(8).optional().describe("Decimals; absent: those of the currency."),
});

const feeList = listOf(fee).describe("Fixed, per-transaction and per-unit fees.");
const capList = listOf(z.strictObject({ of: z.enum(CapOf), maximum: amount, window })).describe(
  "The most that may be earned.",
);
const override = z.strictObject({
  for: z
    .strictObject({
      currency: currency.optional(),
      brand: code.optional(),
      category: code.optional(),
      product: code.optional(),
      group: code.optional().describe("Of games: as their settings say, or as the rule chose."),
    })
    .refine((match) => Object.keys(match).length > 0, "names a currency, brand, category, product or group"),
  base: base.optional(),
  share: share.optional(),
  fees: feeList.optional(),
  caps: capList.optional(),
  guarantee: guarantee.optional(),
  jackpots: jackpots.optional(),
  reserve: reserve.optional(),
  payout: payout.optional(),
  rounding: rounding.optional(),
});

/** The configuration document, version 1 (`schema/configuration.schema.json`); unknown members are refused. */
export const configurationSchema = z
  .strictObject({
    v: z.literal(1).describe("Version of this format."),
    name: text.optional().describe("For people."),
    cycle: cycle.describe("When periods start, in the partner's own zone."),
    grace: duration.describe("How long after its end a period still takes what belongs to it. At most 31 days."),
    base: base.describe("What the share is computed from."),
    share: share.describe("The partner's part of the base; a base below zero earns nothing."),
    fees: feeList.optional(),
    guarantee: guarantee.optional().describe("The least that is earned."),
    caps: capList.optional(),
    carryOver: carryOver.describe("What a negative base does to the next period."),
    jackpots: jackpots.optional().describe("Absent: contributions and wins are netted as they were posted."),
    reserve: reserve.optional().describe("A rolling reserve, held and released."),
    taxes: taxes.optional(),
    fx: fx.optional().describe("Conversion at close; absent: every currency has its own statement."),
    netting: z
      .strictObject({ with: listOf(code) })
      .optional()
      .describe("Codes of linked partners. Where each names the other, opposite debts that were released are set off."),
    credit: credit
      .optional()
      .describe("Prepaid credit: what is released is met by it, and what is negative refills it."),
    payout: payout.describe("What is released for payment."),
    review: review.optional().describe("How statements are agreed on before they are paid."),
    rounding: rounding.describe("The one rounding, from exact values to minor units."),
    lateItems: z.enum(["NEXT_BASE", "ORIGIN_TERMS"]).describe("How items of a closed period settle."),
    rules: ruleSchema
      .optional()
      .describe("A decision table that chooses rates, categories, groups and flags; it never computes money."),
    overrides: z.array(override).min(1).max(OVERRIDES_MAX).optional().describe("The most specific match wins."),
  })
  .meta({
    title: "Quittance configuration",
    description:
      "How one partner is settled. Amounts and rates are exact strings. What is not settled yet is refused by path.",
  });
