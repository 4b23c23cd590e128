import { type CodedError, ErrorCode } from "../../kernel/errors.js";
import { ItemOutcome, type Outcome } from "../posting/rules.js";
import type { ItemResult } from "../validate.js";

/** The checks that a batch, or an item of one, goes through. */
export type Stage = "format" | "signature" | "schema" | "threat" | "duplicate" | "business";

/** How a submission may end that is not refused. */
export type BatchEnd = "accepted" | "quarantined" | "replayed";

/**
 * How many came out of a stage, and how; `repeated` was known already with the same content, `quarantined` is kept and
 * goes no further.
 */
export interface StageCount {
  readonly stage: Stage;
  readonly result: "passed" | "refused" | "repeated" | "quarantined";
  /** Why it was refused; empty otherwise. */
  readonly code: string;
  readonly count: number;
}

/** The stages of a batch when it is submitted, in order; `duplicate` is its `jti`. */
const BATCH_STAGES: readonly Stage[] = ["format", "duplicate", "signature", "schema", "threat"];

const STAGE_OF_CODE: Partial<Readonly<Record<ErrorCode, Stage>>> = {
  [ErrorCode.LIMIT_EXCEEDED]: "format",
  [ErrorCode.ENCRYPTION_INVALID]: "format",
  [ErrorCode.ENCRYPTION_REQUIRED]: "format",
  [ErrorCode.IDEMPOTENCY_CONFLICT]: "duplicate",
  [ErrorCode.VALIDATION]: "schema",
  [ErrorCode.CLOCK_SKEW]: "schema",
};
/** The checks of `SIGNATURE_INVALID` that compare with a key; the others are of the envelope's form. */
const KEY_CHECKS: readonly unknown[] = ["KEY_ALG", "SIGNATURE"];

/** What a submission counts: every stage that it passed, and the one that ended it, if one did. */
export function batchCounts(end: CodedError | BatchEnd): StageCount[] {
  if (end === "accepted") return BATCH_STAGES.map(passed);
  if (end === "quarantined") {
    const stopped: StageCount = { stage: "threat", result: "quarantined", code: "", count: 1 };
    return [...BATCH_STAGES.filter((stage) => stage !== "threat").map(passed), stopped];
  }
  if (end === "replayed") return [passed("format"), { stage: "duplicate", result: "repeated", code: "", count: 1 }];
  const stage = stageOf(end);
  const before = BATCH_STAGES.slice(0, BATCH_STAGES.indexOf(stage)).map(passed);
  return [...before, { stage, result: "refused", code: end.code, count: 1 }];
}

/** What items of a posted batch count: their form, their ids, and the rules of the business, in that order. */
export function itemCounts(items: readonly ItemResult[], outcomes: readonly Outcome[]): StageCount[] {
  const counts = new Map<string, number>();
  const count = (stage: Stage, code: string) => {
    const key = `${stage} ${code}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  };
  let repeated = 0;
  outcomes.forEach(({ outcome, code }, index) => {
    if (items[index]?.ok === false) count("schema", code ?? "");
    else if (outcome === ItemOutcome.DUPLICATE) repeated += 1;
    else if (outcome === ItemOutcome.DUPLICATE_MISMATCH) count("duplicate", outcome);
    else if (outcome === ItemOutcome.REFUSED) count("business", code ?? "");
  });
  const refused = [...counts].map(([key, count]): StageCount => {
    const [stage = "", code = ""] = key.split(" ");
    return { stage: ITEM_STAGES.find((each) => each === stage) ?? "business", result: "refused", code, count };
  });
  let left = outcomes.length;
  const through = ITEM_STAGES.map((stage): StageCount => {
    left -= refused.reduce((sum, each) => sum + (each.stage === stage ? each.count : 0), 0);
    if (stage === "duplicate") left -= repeated;
    return { stage, result: "passed", code: "", count: left };
  });
  const known: StageCount = { stage: "duplicate", result: "repeated", code: "", count: repeated };
  return [...through, known, ...refused].filter(({ count }) => count > 0);
}

const ITEM_STAGES: readonly Stage[] = ["schema", "duplicate", "business"];

function passed(stage: Stage): StageCount {
  return { stage, result: "passed", code: "", count: 1 };
}

/** Whose batch it is and whose key signed it belong to the signature. */
function stageOf({ code, details }: CodedError): Stage {
  if (code === ErrorCode.SIGNATURE_INVALID) return KEY_CHECKS.includes(details["check"]) ? "signature" : "format";
  return STAGE_OF_CODE[code] ?? "signature";
}
