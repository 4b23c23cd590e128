import { z } from "zod";
import { assert, present } from "../kernel/assert.js";
import { canonicalJson } from "../kernel/canonical-json.js";
import { sha256Hex } from "../kernel/digest.js";
import { defineErrors } from "../kernel/errors.js";
import { parseAmount } from "../kernel/money.js";
import { Rational } from "../kernel/rational.js";
import { configurationSchema } from "./document-schema.js";
import { type Basis, type Contract, type Deduction, DeductionSource, type RateOf } from "./terms/contract.js";

/** How one partner is settled: the JSON document of a configuration version, checked. */
export type ConfigurationDocument = z.infer<typeof configurationSchema>;

type BaseDocument = ConfigurationDocument["base"];
type DeductionDocument = NonNullable<BaseDocument["deductions"]>[number];
type RateOfDocument = NonNullable<DeductionDocument["cap"]>;

const PROBLEMS_MAX = 20;
const GRACE_DAYS_MAX = 31;
const DAY_MS = 86_400_000;
/** A name of the caller's that an error may repeat. */
const PLAIN_NAME = /^[A-Za-z0-9_.-]{1,32}$/;
const DENOMINATOR_MAX = 10n ** 27n;

/**
 * Members, or values of members, that the format holds and the calculation does not obey yet. A document that uses one
 * is refused, so that nobody is settled by half a contract.
 */
const NOT_SUPPORTED_YET: readonly {
  readonly at: string;
  readonly values?: readonly string[];
}[] = [
  { at: "/base/measure", values: ["CUSTOM"] },
  { at: "/base/jackpotWins", values: ["INCLUDED"] },
  { at: "/share/kind", values: ["TIERED", "NONE"] },
  { at: "/fees" },
  { at: "/guarantee" },
  { at: "/caps" },
  { at: "/carryOver/policy", values: ["CAPPED"] },
  { at: "/carryOver/unit", values: ["COMMISSION"] },
  { at: "/carryOver/tierBasis" },
  { at: "/carryOver/expiresAfterPeriods" },
  { at: "/carryOver/scope", values: ["BRAND", "GAME", "PLAYER"] },
  { at: "/carryOver/ringFence" },
  { at: "/jackpots" },
  { at: "/reserve" },
  { at: "/taxes" },
  { at: "/fx" },
  { at: "/netting" },
  { at: "/credit" },
  { at: "/payout/negative", values: ["COLLECT"] },
  { at: "/payout/splits" },
  { at: "/rounding/scale" },
  { at: "/lateItems", values: ["ORIGIN_TERMS"] },
  { at: "/rules" },
  { at: "/overrides" },
];

const documentError = defineErrors({
  VALIDATION: { message: "The configuration is refused: {path} {reason}." },
});

interface Problem {
  readonly path: string;
  readonly reason: string;
}

/**
 * Checks a configuration document: its shape, what its members mean together, and that all of it is supported. Refuses
 * with `VALIDATION`: `path` is the first JSON pointer that is wrong, `problems` every one of them (at most 20).
 */
export function parseConfiguration(document: unknown): ConfigurationDocument {
  const parsed = configurationSchema.safeParse(document);
  if (!parsed.success) throw refusal(parsed.error.issues.flatMap(problemsOf));
  const problems = [graceProblems, precisionProblems, unsupportedProblems].flatMap((problems) => problems(parsed.data));
  if (problems.length > 0) throw refusal(problems);
  return parsed.data;
}

/** SHA-256 of the document's canonical JSON (RFC 8785), in hexadecimal: the same for any spelling of it. */
export function configurationSha256(document: ConfigurationDocument): string {
  return sha256Hex(canonicalJson(document));
}

/** The document's JSON Schema (draft 2020-12), as published in `schema/configuration.schema.json`. */
export function configurationJsonSchema(): object {
  return z.toJSONSchema(configurationSchema);
}

/** How long after its end a period stays open, in milliseconds. */
export function graceMsOf(document: ConfigurationDocument): number {
  const [, days = 0, hours = 0, minutes = 0, seconds = 0] =
    /^P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?$/.exec(document.grace)?.map((part) => Number(part ?? 0)) ??
    [];
  return ((days * 24 + hours) * 60 + minutes) * 60_000 + seconds * 1_000;
}

/**
 * What the document says about one currency, as exact numbers. `scale` is the currency's number of decimals; an amount
 * that has more is refused (`VALIDATION`).
 */
export function contractOf(document: ConfigurationDocument, scale: number): Contract {
  const { base, share, carryOver, payout, rounding } = document;
  assert(
    share.kind === "FLAT" && base.measure !== "CUSTOM" && carryOver.policy !== "CAPPED",
    "only what is supported is parsed",
  );
  return {
    measure: base.measure,
    freeRoundStake: base.freeRoundStake,
    deductions: (base.deductions ?? []).map(deductionOf),
    shareRate: rationalOf(share.rate),
    carryPolicy: carryOver.policy,
    minimumPayoutMinor: minorOf(payout.minimum, scale, "/payout/minimum"),
    rounding: { mode: rounding.mode, stage: rounding.stage },
  };
}

function deductionOf(document: DeductionDocument): Deduction {
  return {
    type: document.type,
    rateOf: document.source === DeductionSource.RATE ? rateOf(document) : null,
    cap: document.cap === undefined ? null : rateOf(document.cap),
  };
}

function rateOf({ rate, basis }: RateOfDocument): RateOf {
  const exact: Basis = { measure: basis.measure, less: basis.less ?? [] };
  return { rate: rationalOf(rate), basis: exact };
}

function rationalOf(text: string): Rational {
  return present(Rational.parse(text), "a rate that was checked");
}

function minorOf(text: string, scale: number, path: string): bigint {
  const minor = parseAmount(text, scale);
  if (typeof minor !== "bigint") throw refusal([{ path, reason: `has more than ${scale} decimals` }]);
  return minor;
}

function graceProblems(document: ConfigurationDocument): readonly Problem[] {
  if (graceMsOf(document) <= GRACE_DAYS_MAX * DAY_MS) return [];
  return [{ path: "/grace", reason: `is longer than ${GRACE_DAYS_MAX} days` }];
}

/**
 * The denominator of a base divides the product of its rates' denominators: bounded here, it can be written
 * everywhere.
 */
function precisionProblems(document: ConfigurationDocument): readonly Problem[] {
  const deductions = (document.base.deductions ?? []).map(deductionOf);
  const product = deductions
    .flatMap(({ rateOf, cap }) => [rateOf?.rate.d ?? 1n, cap?.rate.d ?? 1n])
    .reduce((digits, denominator) => digits * denominator, 1n);
  if (product <= DENOMINATOR_MAX) return [];
  return [{ path: "/base/deductions", reason: "have rates that are too fine together" }];
}

function unsupportedProblems(document: ConfigurationDocument): readonly Problem[] {
  return NOT_SUPPORTED_YET.filter(({ at, values }) => {
    const used = memberAt(document, at);
    return used !== undefined && (values === undefined || values.some((value) => value === used));
  }).map(({ at }) => ({ path: at, reason: "is not supported yet" }));
}

function memberAt(document: unknown, pointer: string): unknown {
  let member = document;
  for (const name of pointer.split("/").slice(1)) {
    if (typeof member !== "object" || member === null) return undefined;
    member = Object.entries(member).find(([key]) => key === name)?.[1];
  }
  return member;
}

function problemsOf(issue: z.core.$ZodIssue): readonly Problem[] {
  const names = issue.path.map(String);
  const odd = names.findIndex((name) => !PLAIN_NAME.test(name));
  const path = (odd < 0 ? names : names.slice(0, odd)).map((name) => `/${name}`).join("");
  if (issue.code !== "unrecognized_keys") return [{ path: path || "/", reason: sentencePart(issue) }];
  const shown = issue.keys.filter((key) => PLAIN_NAME.test(key));
  if (shown.length === 0) return [{ path: path || "/", reason: "has a member that is not one of the format" }];
  return shown.map((key) => ({ path: `${path}/${key}`, reason: "is not a member of the format" }));
}

/** Our own messages are written to follow the path; zod's are told from them by their capital letter. */
function sentencePart(issue: z.core.$ZodIssue): string {
  return /^[a-z]/.test(issue.message) ? issue.message : `is refused (${issue.message})`;
}

function refusal(problems: readonly Problem[]): Error {
  const [first] = problems;
  const { path, reason } = present(first, "a problem");
  const listed = problems.slice(0, PROBLEMS_MAX).map((problem) => `${problem.path} ${problem.reason}`);
  return documentError("VALIDATION", { path, reason, problems: listed });
}
