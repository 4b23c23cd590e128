import { z } from "zod";
import { canonicalJson } from "../kernel/canonical-json.js";
import { sha256Hex } from "../kernel/digest.js";
import { documentProblems } from "./document-checks.js";
import { type RuleDocument, ruleSchema } from "./document-rules.js";
import { configurationSchema } from "./document-schema.js";
import { documentRefusal, type DocumentProblem as Problem } from "./errors.js";
import { ruleProblems } from "./rule-checks.js";
import type { RuleChoices } from "./ruling.js";

/** How one partner is settled: the JSON document of a configuration version, checked. */
export type ConfigurationDocument = z.infer<typeof configurationSchema>;

const GRACE_DAYS_MAX = 31;
const DAY_MS = 86_400_000;
/** A name of the caller's that an error may repeat. */
const PLAIN_NAME = /^[A-Za-z0-9_.-]{1,32}$/;

/**
 * Checks a configuration document: its shape, and what its members mean together. Refuses
 * with `VALIDATION`: `path` is the first JSON pointer that is wrong, `problems` every one of them (at most 20).
 */
export function parseConfiguration(document: unknown): ConfigurationDocument {
  const shaped = shapedConfiguration(document);
  const problems = [graceProblems, documentProblems].flatMap((problems) => problems(shaped));
  if (problems.length > 0) throw documentRefusal(problems);
  return shaped;
}

/** A stored version's document, its shape alone checked again: to try every cell of its rule takes long. */
export function storedConfiguration(text: string): ConfigurationDocument {
  return shapedConfiguration(JSON.parse(text));
}

/**
 * Checks a rule that is in no document yet, as part of one that has terms for what it may choose. Refuses as
 * `parseConfiguration` does, with pointers from `/rules` on.
 */
export function parseRule(rules: unknown, choices: RuleChoices): RuleDocument {
  const parsed = z.object({ rules: ruleSchema }).safeParse({ rules });
  if (!parsed.success) throw documentRefusal(parsed.error.issues.flatMap(problemsOf));
  const problems = ruleProblems(parsed.data.rules, choices);
  if (problems.length > 0) throw documentRefusal(problems);
  return parsed.data.rules;
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

function shapedConfiguration(document: unknown): ConfigurationDocument {
  const parsed = configurationSchema.safeParse(document);
  if (!parsed.success) throw documentRefusal(parsed.error.issues.flatMap(problemsOf));
  return parsed.data;
}

function graceProblems(document: ConfigurationDocument): readonly Problem[] {
  if (graceMsOf(document) <= GRACE_DAYS_MAX * DAY_MS) return [];
  return [{ path: "/grace", reason: `is longer than ${GRACE_DAYS_MAX} days` }];
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
