import "reflect-metadata";
import { serveTasks } from "../../platform/threads.js";
import { type ConfigurationDocument, parseConfiguration, parseRule } from "../document.js";
import type { RuleDocument } from "../document-rules.js";

/** What is asked of the thread: a whole document, or a rule beside groups that it may name. */
export type ToCheck =
  | { readonly kind: "DOCUMENT"; readonly document: unknown }
  | { readonly kind: "RULE"; readonly rules: unknown; readonly groups: readonly string[] };

/** The same, checked. */
export type Checked = ConfigurationDocument | RuleDocument;

serveTasks((task: ToCheck): Checked => {
  if (task.kind === "RULE") return parseRule(task.rules, new Set(task.groups));
  return parseConfiguration(task.document);
});
