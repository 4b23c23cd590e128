import type { Actor } from "../../src/kernel/actor.js";
import type { App } from "../../src/platform/app.js";
import { activateThreatRules, draftThreatRules } from "../../src/threat/documents/service.js";
import { ThreatFact, ThreatSubject } from "../../src/threat/entities.js";
import { DEFAULT_RULES, type ThreatRule, type ThreatRuleset } from "../../src/threat/rules.js";

/** Test keys are new: by this rule every batch is quarantined. */
export const EVERY_BATCH: ThreatRule = {
  ...{ id: "new-key", subject: ThreatSubject.BATCH, fact: ThreatFact.NEW_KEY, from: 1, full: 1, points: 100 },
};

/** Puts rules in force that ask for no past; by the operator's shell, which needs no second person. */
export async function enforce(app: App, shell: Actor, rules: readonly ThreatRule[], over: Partial<ThreatRuleset> = {}) {
  const document = { ...DEFAULT_RULES, history: { days: 0, batches: 0 }, rules, ...over };
  const { id } = await draftThreatRules(app, shell, document);
  return activateThreatRules(app, shell, id);
}
