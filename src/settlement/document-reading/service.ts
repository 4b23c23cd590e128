import { extname } from "node:path";
import { Threads } from "../../platform/threads.js";
import { type ConfigurationDocument, parseConfiguration, parseRule } from "../document.js";
import type { RuleDocument } from "../document-rules.js";
import { settlementError } from "../errors.js";
import type { RuleChoices } from "../ruling.js";
import type { Checked, ToCheck } from "./thread.js";

/** From so many characters of JSON on a rule is checked in a thread: below, it is done sooner than handed over. */
const LARGE_MIN = 2_048;
const WAITING_MAX = 16;
const RETRY_AFTER_MS = 2_000;

/** They try every cell of a rule, so that nobody else waits meanwhile. */
const threads = new Threads<ToCheck, Checked>(
  new URL(`./thread${extname(import.meta.url)}`, import.meta.url),
  WAITING_MAX,
);

/**
 * A document that somebody sends, checked as `parseConfiguration` does; in a thread where it has a long rule.
 * `UNAVAILABLE` while too many wait.
 */
export async function readConfiguration(document: unknown): Promise<ConfigurationDocument> {
  if (!isLarge(rulesIn(document))) return parseConfiguration(document);
  return (await ask({ kind: "DOCUMENT", document })) as ConfigurationDocument;
}

/** A rule that somebody sends, checked as `parseRule` does, likewise. */
export async function readRule(rules: unknown, choices: RuleChoices): Promise<RuleDocument> {
  if (!isLarge(rules)) return parseRule(rules, choices);
  return (await ask({ kind: "RULE", rules, choices })) as RuleDocument;
}

function rulesIn(document: unknown): unknown {
  return typeof document === "object" && document !== null && "rules" in document ? document.rules : undefined;
}

function isLarge(rules: unknown): boolean {
  return rules !== undefined && JSON.stringify(rules).length >= LARGE_MIN;
}

async function ask(task: ToCheck): Promise<Checked> {
  if (!threads.isFull) return threads.ask(task);
  const reason = "Too many documents are being checked; ask again in a moment.";
  throw settlementError("UNAVAILABLE", { reason, retryAfterMs: RETRY_AFTER_MS });
}
