import { z } from "zod";
import { ThreatFact, ThreatSubject } from "./entities.js";
import { threatError } from "./errors.js";
import { rulesetProblem, type ThreatRuleset } from "./rules.js";

const RULES_MAX = 100;
const VALUE_MAX = 1_000_000_000;
const POINTS_MAX = 1_000;
/** A path that an error may repeat. */
const PLAIN_PATH = /^(?=.{1,200}$)(?:\/[A-Za-z0-9_-]{1,32})+$/;

const value = z.number().min(0).max(VALUE_MAX);
const score = z.int().min(1).max(POINTS_MAX);
const thresholds = z
  .strictObject({
    reviewAt: score.describe("From this score on a person should look."),
    quarantineAt: score.describe("From this score on it is quarantined, or blocked."),
  })
  .describe("Scores from which on a verdict is given.");

/** The document of a tenant's threat rules, version 1 (`schema/threat-rules.schema.json`). */
const rulesetSchema: z.ZodType<ThreatRuleset> = z
  .strictObject({
    version: z.literal(1),
    history: z
      .strictObject({
        days: z.int().min(0).max(90).describe("Since its first batch."),
        batches: z.int().min(0).max(100_000),
      })
      .describe("Before a partner has so much of a past, nothing is said to be unusual for it."),
    thresholds: z.strictObject({
      [ThreatSubject.BATCH]: thresholds,
      [ThreatSubject.CLIENT]: thresholds,
      [ThreatSubject.PARTNER]: thresholds,
    }),
    feedback: z
      .strictObject({
        stepPercent: z.int().min(0).max(20).describe("How far one judgement moves a partner's thresholds."),
        minPercent: z.int().min(50).max(100).describe("No further down than this part of what is written here."),
        maxPercent: z.int().min(100).max(200).describe("No further up."),
      })
      .describe("What confirming and dismissing verdicts does."),
    block: z
      .strictObject({ minutes: z.int().min(1).max(1_440) })
      .describe("For how long a client is blocked automatically."),
    rules: z
      .array(
        z.strictObject({
          id: z
            .string()
            .regex(/^[a-z0-9-]{1,64}$/)
            .describe("Names it where a verdict is explained."),
          subject: z.enum(ThreatSubject).describe("Whose score it adds to."),
          fact: z.enum(ThreatFact).describe("What it looks at; see `ThreatFact` in the GraphQL schema."),
          from: value.describe("From this value of the fact on it gives points."),
          full: value.describe("From this value on it gives all of them; in between a part."),
          points: z.int().min(0).max(POINTS_MAX),
        }),
      )
      .max(RULES_MAX),
  })
  .describe("How senders and batches are scored.");

/** Checks a document of threat rules; refuses (`VALIDATION`) with the JSON pointer of the first thing that is wrong. */
export function parseRuleset(document: unknown): ThreatRuleset {
  const parsed = rulesetSchema.safeParse(document);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw refusal(`/${(issue?.path ?? []).map(String).join("/")}`, "is not as `schema/threat-rules.schema.json` says");
  }
  const problem = rulesetProblem(parsed.data);
  if (problem !== null) throw refusal(...problem);
  return parsed.data;
}

/** The document's JSON Schema (draft 2020-12), as published in `schema/threat-rules.schema.json`. */
export function rulesetJsonSchema(): object {
  return z.toJSONSchema(rulesetSchema);
}

function refusal(where: string, what: string): Error {
  const path = PLAIN_PATH.test(where) ? where : "/";
  return threatError("VALIDATION", { path, reason: `The rules are refused: ${path} ${what}.` });
}
