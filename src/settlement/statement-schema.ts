import { z } from "zod";
import { RoundingMode } from "../kernel/rational.js";
import { RoundingStage } from "./terms/contract.js";
import { RateType } from "./terms/fx.js";
import { LINE_CODES, LineSection } from "./terms/lines.js";
import { StateName } from "./terms/state.js";

const TOTALS_MAX = 50_000;
const LINES_MAX = 50_000;
const STATE_MAX = 50_000;
const CLOSED_DAYS_MAX = 2_000;
const CONVERSIONS_MAX = 5_000;
const ORIGINS_MAX = 1_000;
const LOTS_MAX = 10_000;
const SCOPE_MAX = 1_000;

const decimal = z
  .string()
  .regex(/^-?\d{1,38}(?:\.\d{1,8})?$/)
  .describe("Decimal string with the currency's decimals.");
const exact = z
  .string()
  .max(800)
  .regex(/^-?\d+(?:\.\d+|\/\d+)?$/)
  .describe("Exact value: a decimal string where one ends, else n/d.");
const id = z.string().max(64);
const instant = z.iso.datetime({ precision: 3 }).describe("RFC 3339 in UTC with milliseconds.");
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const rounding = z.object({
  mode: z.enum(RoundingMode),
  stage: z.enum(RoundingStage),
  scale: z.int().min(0).max(8).exactOptional().describe("Decimals, where these are fewer than the currency's."),
});
const day = z.string().regex(/^\d{4}-\d{2}-\d{2}$/);
const place = z.string().max(64).exactOptional();

const total = z.object({
  kind: z.string().max(64).describe("Kind of transaction; a rollback as ROLLBACK_ and the kind of its original."),
  category: z.string().max(64).describe("A fee's category, an adjustment's dispute; else empty."),
  originPeriodId: id.nullable().describe("The closed period in which late items happened; null for the period's own."),
  count: z.int().min(0),
  units: z.string().regex(/^\d{1,38}$/),
  sum: decimal,
  currency: z
    .string()
    .max(16)
    .exactOptional()
    .describe("Where it is not the statement's; `conversions` says its rates."),
  player: z
    .string()
    .regex(/^[0-9a-f]{32}$/)
    .exactOptional()
    .describe("Pseudonym, keyed by the tenant, of a player that the ring-fence looks at; absent for all others."),
  day: day
    .exactOptional()
    .describe("Local day at whose rate it was converted; only where the terms convert each transaction."),
  brand: place.describe("Only where a term looks at it; empty for none."),
  product: place.describe("Only where a term looks at it; empty for none."),
  productCategory: place.describe("Only where a term looks at it; empty for none."),
  productGroup: place.describe("Only where a term looks at it and the game is in one, by the settings of games."),
  isBonusFree: z
    .literal(true)
    .exactOptional()
    .describe("Only where its bonus cost is not deducted, by those settings."),
});

const stateItem = z.object({
  name: z.enum(StateName),
  scope: z.string().max(SCOPE_MAX).describe("The part of the activity, fee or cap it belongs to; empty for the whole."),
  key: z.string().max(64).describe("Its window, or a number of periods."),
  value: exact,
});
const conversion = z.object({
  from: z.string().max(16).describe("The currency that was converted; the last rate's quote is the statement's."),
  scale: z.int().min(0).max(8).describe("Its decimals."),
  day: day.exactOptional().describe("Only transactions of this local day, where the terms convert each transaction."),
  rates: z
    .array(
      z.object({
        rate: z
          .string()
          .regex(/^\d{1,12}(?:\.\d{1,18})?$/)
          .describe("Units of quote for one of base."),
        ...{ base: z.string().max(16), quote: z.string().max(16) },
        source: z.string().max(64).describe("Who says so."),
        asOf: instant,
        type: z.enum(RateType),
      }),
    )
    .min(1)
    .max(2)
    .describe("One after the other."),
});
const correction = z.object({
  dispute: id.describe("Also the category of its adjustment in `totals`, and the scope of its line, `dispute=…`."),
  currency: z.string().max(16),
  amount: decimal.describe("What was put right: positive in the partner's favour."),
  reason: z.string().describe("The tenant's answer."),
  statement: z.object({ id, sha256: sha256.describe("Of its compact JWS.") }).describe("The one that was disputed."),
  lines: z.array(z.int().min(0)).describe("Those of its `lines` that were disputed, from 0."),
  disputeSha256: sha256.describe("Of the compact JWS that the partner signed."),
});
const state = z.array(stateItem).max(STATE_MAX);

const line = z.object({
  code: z.enum(LINE_CODES),
  section: z
    .enum(LineSection)
    .describe(
      "EARNED lines add up to `earned`, ADJUSTMENTS to `adjustments`, RESERVE to released less held; BASE is working.",
    ),
  scope: z
    .string()
    .max(SCOPE_MAX)
    .describe(
      "What it is about: an origin of late items, a part of the activity, a player, a fee; empty for the whole.",
    ),
  description: z.string(),
  formula: z
    .string()
    .describe("Arithmetic over the names of `inputs`: + - * /, min, max, brackets, if a >= b then c else d."),
  inputs: z.record(z.string(), exact).describe("Amounts in whole units, rates and counts."),
  result: exact.describe("What the formula gives, exactly."),
  amount: decimal.nullable().describe("The money of the line; null for a line that is working only."),
  rounding: rounding.nullable().describe("How `result` became `amount`; null where nothing was rounded."),
  term: z
    .string()
    .nullable()
    .describe("JSON pointer into `configuration.document`; null where no member governs the line."),
  rule: z
    .object({
      facts: z.record(z.string(), z.union([z.string().max(64), z.int()])).describe("What the rule was told."),
      answer: z
        .object({
          rate: exact.nullable(),
          group: z.string().max(64).nullable(),
          bonusCost: z.boolean().nullable().describe("False: it is not deducted."),
          category: z.string().max(64).exactOptional().describe("The product category whose terms hold."),
          freeRoundStake: z.enum(["ZERO", "FACE_VALUE"]).exactOptional().describe("In the place of the base's."),
        })
        .describe("What it chose; null, or absent, is as the terms say."),
      fired: z
        .array(z.object({ node: z.string(), row: z.int().min(1), id: z.string() }))
        .describe("The rows of its tables that fired, counted from 1."),
    })
    .exactOptional()
    .describe("Only on the lines of a rule, one for each part of the activity that it was asked about."),
});

const lot = z.object({
  no: z.int().min(1).describe("Counts the partner's lots; lines name a lot by it: `lot=<lot>#<no>`."),
  lot: z.string().max(64).describe("As the partner named it."),
  priority: z.int().min(0).nullable().describe("The lowest is drawn first, null last."),
  expiresAt: instant.nullable().describe("The first instant at which it is good no more; null: never."),
  ...{ face: decimal, cost: decimal },
  remaining: decimal,
  drawn: decimal.describe("Drawn at posting, by this period or before, and not met anything yet."),
  settled: decimal.describe("Met what statements before released."),
  expired: decimal,
  isBought: z.boolean().describe("In this period."),
  isTakenBack: z.boolean().describe("Its purchase was rolled back in this period."),
  lastDrawn: z.int().min(0).describe("Ranks lots by when they were drawn last; a refill takes the highest first."),
});

const payment = z.object({
  from: day.describe("Local date on which the period fell due: its end plus grace."),
  afterDays: z.int().min(0),
  calendar: z.string().max(8).nullable().describe("Whose business days are counted; null counts every day."),
  closedDays: z.array(day).max(CLOSED_DAYS_MAX).describe("Weekends and holidays that were passed over."),
  on: day.describe("from + afterDays + the number of closedDays, in days."),
});

const period = z
  .object({
    ...{ id, start: instant, end: instant },
    cycleStart: instant.describe("Of the cycle's whole stretch, which a period that was cut short is a part of."),
    cycleEnd: instant,
    timezone: z.string().max(64),
  })
  .describe("Half-open, [start, end); the zone is the partner's.");
const configuration = z
  .object({
    id,
    version: z.int().min(1),
    sha256: sha256.describe("Of the document's canonical JSON (RFC 8785)."),
    document: z.record(z.string(), z.unknown()).describe("As `configuration.schema.json` says."),
  })
  .describe("The terms that were in force, whole.");
const conversions = z
  .array(conversion)
  .max(CONVERSIONS_MAX)
  .optional()
  .describe("By which rates other currencies of `totals` were converted; absent where none was.");
const links = z.object({ id, sha256: sha256.describe("Of its compact JWS.") });

const origin = z.object({
  period,
  statement: links.nullable().describe("The period's own statement in this currency; null where it had none."),
  configuration,
  totals: z.array(total).max(TOTALS_MAX).describe("What was posted into it, as its own statement says."),
  late: z.array(total).max(TOTALS_MAX).describe("Late items that statements before this one settled for it."),
  conversions,
  state: z.object({ opening: state }),
  settled: z.array(line).max(LINES_MAX).describe("The period computed without this statement's late items."),
  lines: z.array(line).max(LINES_MAX).describe("The period computed with them."),
});

/** The payload of a statement's JWS, version 1 (`schema/statement.schema.json`); members may be added to it. */
export const statementSchema = z
  .object({
    v: z.literal(1).describe("Version of this format."),
    iss: id.describe("The tenant."),
    sub: id.describe("The partner."),
    jti: id.describe("The statement."),
    iat: z.int().describe("When it was issued: seconds since 1970, UTC."),
    period,
    currency: z.string().max(16),
    scale: z.int().min(0).max(8).describe("Decimals of the currency."),
    configuration,
    previousStatement: links
      .nullable()
      .describe(
        "The statement of the same currency before it, whose closing and carry it takes on; null for the first.",
      ),
    partnerKind: z.string().max(32).exactOptional().describe("Only where the terms have a rule, which is told it."),
    hasActivity: z.boolean().describe("Whether anything was posted into the period."),
    totals: z
      .array(total)
      .max(TOTALS_MAX)
      .describe("What was posted into the period, in the order of kind, category, origin."),
    transactions: z
      .object({
        batches: z.int().min(0).describe("How many batches were posted into the period, in any currency."),
        root: sha256.describe(
          "Of the Merkle tree (RFC 6962) over them in the order of posting; a leaf is the canonical JSON of a batch's" +
            " id and the SHA-256 of its payload and of its outcomes.",
        ),
      })
      .exactOptional()
      .describe("What the totals were added up from; absent on statements of older releases."),
    conversions,
    origins: z
      .array(origin)
      .max(ORIGINS_MAX)
      .optional()
      .describe("Under ORIGIN_TERMS, the periods that late items of `totals` belong to; absent where there are none."),
    credit: z
      .object({ lots: z.array(lot).max(LOTS_MAX).describe("In the order of drawing.") })
      .exactOptional()
      .describe("Prepaid credit as this statement finds it, before it is drawn; absent where there is none."),
    corrections: z
      .array(correction)
      .max(TOTALS_MAX)
      .exactOptional()
      .describe("Where the adjustments of disputes come from; absent where there is none."),
    opening: decimal.describe("Position before: positive when the tenant owes the partner."),
    state: z
      .object({
        opening: state.describe("As the statement before closed it; empty for the first."),
        closing: state.describe("It opens the next statement's."),
      })
      .describe("What persists between statements besides the position: carries, windows so far, reserves."),
    carryIn: exact.describe(
      "Base, or commission, that the statement before carried out, as lines CARRY_IN and PLAYER_CARRY_IN say where" +
        " they stand; above 0 only where late items gave some back.",
    ),
    lines: z.array(line).max(LINES_MAX).describe("In the order of the calculation."),
    base: exact.describe("The period's own base, before carry."),
    carryOut: exact.describe("Base, or commission, carried out; at most 0."),
    earned: decimal,
    adjustments: decimal,
    reserveHeld: decimal,
    reserveReleased: decimal,
    payable: decimal.describe("Released for payment by this statement; below 0: to be collected."),
    creditMet: decimal
      .exactOptional()
      .describe("Of `payable`, what credit met; below 0: what refilled it. Absent where there is no credit."),
    taxWithheld: decimal.describe("Of what is released in money; the rest is paid out."),
    payment: payment.optional().describe("When it is to be paid; absent where the terms do not say."),
    closing: decimal.describe(
      "opening + earned + adjustments - reserveHeld + reserveReleased - payable; it opens the next statement.",
    ),
  })
  .meta({
    title: "Quittance statement",
    description:
      "What one partner came to in one period and currency. Members may be added; readers ignore unknown ones.",
  });

/** A period that late items of a statement belong to. */
export type StatementOrigin = z.infer<typeof origin>;

/** The payload of a statement's JWS. */
export type StatementDocument = z.infer<typeof statementSchema>;
