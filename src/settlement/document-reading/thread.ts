import "reflect-metadata";
import { serveTasks } from "../../platform/threads.js";
import { type ConfigurationDocument, parseConfiguration, parseRule } from "../document.js";
import type { RuleDocument } from "../document-rules.js";
import type { RuleChoices } from "../ruling.js";

/** What is asked of the thread: a whole document, or a rule beside what it may choose. */
export type ToCheck =
  | { readonly kind: "DOCUMENT"; readonly document: unknown }
  | { readonly kind: "RULE"; readonly rules: unknown; readonly choices: RuleChoices };

/** The same, checked. */
export type Checked = ConfigurationDocument | RuleDocument;

serveTasks((task: ToCheck): Checked => {
  if (task.kind === "RULE") return parseRule(task.rules, task.choices);
  return parseConfiguration(task.document);
});
