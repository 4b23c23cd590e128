import { present } from "../../kernel/assert.js";
import type { SettlementPeriod } from "../../periods/entities.js";
import { periodsByNumber } from "../../periods/service.js";
import { activityOf } from "../../periods/totals/service.js";
import type { App } from "../../platform/app.js";
import type { Reader } from "../../platform/database.js";
import type { Partner } from "../../tenancy/entities.js";
import { inputsOf } from "../calculating/service.js";
import { termsOf } from "../configurations/service.js";
import { creditOfPeriod } from "../credit/service.js";
import { linksOf } from "../links/service.js";
import { calculate } from "../terms/calculate.js";

/** What a rehearsal was about, in text; it is of use while `isAsRehearsed`. */
export type Rehearsed = string | null;

/**
 * Calculates an open period whose terms have a rule, or those of an origin of its late items, and keeps nothing. A
 * period that is closed keeps its version for ever, so a rule without an answer (`RULE_FAILED`) must stop it while a
 * better version can still be given to it. Null where no rule can be asked.
 */
export async function rehearse(app: App, partner: Partner, { no }: SettlementPeriod): Promise<Rehearsed> {
  const reader = app.database.manager;
  const period = await periodNow(reader, partner, no);
  const { document } = await termsOf(app, partner.tenantId, period.configurationId);
  const isApart = document.lateItems === "ORIGIN_TERMS";
  if (document.rules === undefined && !isApart) return null;
  const matter = await matterOf(reader, partner, period);
  if (document.rules === undefined && !(await haveOriginsRules(app, partner, no))) return matter;
  await calculateBy(app, partner, period, period.configurationId);
  return matter;
}

/**
 * Calculates the partner's next period to settle by a version, its own or another, and keeps nothing. Refused as its
 * settlement would be: where a rate is missing, a rule gives no answer, or totals were not told apart as terms need.
 */
export async function calculateBy(
  app: App,
  partner: Partner,
  period: SettlementPeriod,
  configurationId: string,
): Promise<void> {
  const reader = app.database.manager;
  const { document } = await termsOf(app, partner.tenantId, configurationId);
  const facts = { partner, period, document, before: await linksOf(reader, partner) };
  const [{ inputs }, credit] = [await inputsOf(app, facts), await creditOfPeriod(reader, facts)];
  for (const { currency, input } of inputs) calculate({ ...input, credit: credit.facts.get(currency) ?? null });
}

/** Whether a period is still what it was when it was rehearsed. */
export async function isAsRehearsed(
  reader: Reader,
  partner: Partner,
  { no }: SettlementPeriod,
  rehearsed: Rehearsed,
): Promise<boolean> {
  return rehearsed === null || rehearsed === (await matterOf(reader, partner, await periodNow(reader, partner, no)));
}

async function haveOriginsRules(app: App, partner: Partner, periodNo: number): Promise<boolean> {
  const reader = app.database.manager;
  const origins = (await activityOf(reader, partner, periodNo)).map(({ originPeriodNo }) => originPeriodNo);
  const periods = await periodsByNumber(reader, partner.tenantNo, [...new Set(origins)]);
  const terms = [...periods.values()].map(({ configurationId }) => termsOf(app, partner.tenantId, configurationId));
  return (await Promise.all(terms)).some(({ document }) => document.rules !== undefined);
}

async function matterOf(reader: Reader, partner: Partner, { no, configurationId }: SettlementPeriod): Promise<string> {
  const activity = await activityOf(reader, partner, no);
  return [configurationId, ...activity.map((row) => Object.values(row).join(" "))].join("\n");
}

async function periodNow(reader: Reader, { tenantNo }: Partner, no: number): Promise<SettlementPeriod> {
  return present((await periodsByNumber(reader, tenantNo, [no])).get(no), "a period to settle");
}
