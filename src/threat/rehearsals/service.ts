import type { Actor } from "../../kernel/actor.js";
import type { App } from "../../platform/app.js";
import type { Partner } from "../../tenancy/entities.js";
import { parseRuleset } from "../document.js";
import { threatRulesOf } from "../documents/service.js";
import { type BatchFigures, ThreatSubject, ThreatVerdict } from "../entities.js";
import { PartnerProfile } from "../profiles/rules.js";
import { networkNamer, profileOf } from "../profiles/service.js";
import { type Finding, judge } from "../rules.js";
import { standingOf } from "../standing/service.js";

/** A batch of the past, as far as it is known still. */
export interface PastBatch {
  readonly at: Date;
  readonly figures: BatchFigures;
  readonly keySince: Date;
  readonly address: string | null;
}

/**
 * Judges batches of the past, in their order, by a version of the tenant's rules, as if they came to a partner whose
 * habits are those of now. What their senders had done before is not known any more. Nothing is kept of it.
 */
export async function rehearsalOf(
  app: App,
  actor: Actor,
  partner: Partner,
  threatRulesId: string,
): Promise<(batch: PastBatch) => Finding> {
  const rules = parseRuleset(JSON.parse((await threatRulesOf(app, actor, threatRulesId)).document));
  const profile = new PartnerProfile((await profileOf(app, partner)).stored());
  const percent = (await standingOf(app)).percentOf(partner.tenantNo, partner.no, ThreatSubject.BATCH);
  const nameOf = await networkNamer(app, partner.tenantId);
  return ({ address, ...batch }) => {
    const seen = { ...batch, network: address === null ? null : nameOf(address) };
    const finding = judge(rules, ThreatSubject.BATCH, profile.facts(seen, rules.history), percent);
    if (finding.verdict !== ThreatVerdict.QUARANTINE) profile.learn(seen);
    return finding;
  };
}
