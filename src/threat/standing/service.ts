import type { App } from "../../platform/app.js";
import { perApp } from "../../platform/per-app.js";
import { recent } from "../../platform/recent.js";
import { parseRuleset } from "../document.js";
import type { ThreatSubject } from "../entities.js";
import { DEFAULT_RULES, type ThreatRuleset } from "../rules.js";

const BLOCKS_MAX = 100_000;

/** A client or partner that is blocked. */
export interface Blocked {
  /** Null where only a person ends it. */
  readonly expiresAt: Date | null;
}

/** The rules by which a tenant's senders are judged; the id is null for those of a tenant that has none. */
export interface RulesInForce {
  readonly id: string | null;
  readonly rules: ThreatRuleset;
}

const NO_RULES: RulesInForce = { id: null, rules: DEFAULT_RULES };

/** What every process knows of all tenants: read from the database every second while anybody asks. */
export interface Standing {
  rulesOf(tenantNo: number): RulesInForce;
  /** 100 where nobody moved the thresholds. */
  percentOf(tenantNo: number, partnerNo: number, subject: ThreatSubject): number;
  /** The block of a client or partner that holds at an instant; null where there is none. */
  blockOf(tenantNo: number, subjectId: string, at: Date): Blocked | null;
}

/** How things stand, as the database had it at most three seconds ago; nearly always without asking it. */
export function standingOf(app: App): Standing | Promise<Standing> {
  return knownStanding(app).of("", () => read(app));
}

/** Reads it anew the next time that somebody asks: this process changed it. */
export function forgetStanding(app: App): void {
  knownStanding(app).forget("");
}

const knownStanding = recent<Standing>({ keptMax: 1, aheadMs: 1_000, freshMs: 3_000 });

interface Memory {
  /** As it was read last: rules that cannot be read leave those from before in force. */
  rules: ReadonlyMap<number, RulesInForce>;
  /** What the active version of that id puts in force: itself, or what was before where it cannot be read. */
  rulesets: ReadonlyMap<string, RulesInForce>;
}

const memoryOf = perApp((): Memory => ({ rules: new Map(), rulesets: new Map() }));

async function read(app: App): Promise<Standing> {
  const [rules, thresholds, blocks] = await Promise.all([
    readRulesForAllTenants(app),
    readThresholdsForAllTenants(app),
    readBlocksForAllTenants(app),
  ]);
  return {
    rulesOf: (tenantNo) => rules.get(tenantNo) ?? NO_RULES,
    percentOf: (tenantNo, partnerNo, subject) => thresholds.get(`${tenantNo}:${partnerNo}:${subject}`) ?? 100,
    blockOf(tenantNo, subjectId, at) {
      if (blocks.size === 0) return null;
      const block = blocks.get(`${tenantNo}:${subjectId}`);
      return block === undefined || (block.expiresAt !== null && block.expiresAt <= at) ? null : block;
    },
  };
}

async function readRulesForAllTenants(app: App): Promise<ReadonlyMap<number, RulesInForce>> {
  const memory = memoryOf(app);
  const active: { tenantNo: number; id: string }[] = await app.database.query(
    "/* all tenants */ select tenant_no as tenantNo, id from threat_rules where state = 'ACTIVE'",
  );
  const unknown = active.map(({ id }) => id).filter((id) => !memory.rulesets.has(id));
  const rows: RulesRow[] =
    unknown.length === 0
      ? []
      : await app.database.query(
          "/* all tenants */ select tenant_no as tenantNo, id, document from threat_rules where id in (?)",
          [unknown],
        );
  const fresh = new Map(rows.map((row) => [row.id, rulesIn(app, memory, row)]));
  const known = active.map(({ tenantNo, id }) => {
    return { tenantNo, id, inForce: memory.rulesets.get(id) ?? fresh.get(id) ?? NO_RULES };
  });
  memory.rulesets = new Map(known.map(({ id, inForce }) => [id, inForce]));
  memory.rules = new Map(known.map(({ tenantNo, inForce }) => [tenantNo, inForce]));
  return memory.rules;
}

interface RulesRow {
  readonly tenantNo: number;
  readonly id: string;
  readonly document: string;
}

/** A document that this release cannot read leaves its tenant with the rules from before, and nobody else is hurt. */
function rulesIn(app: App, { rules }: Memory, { tenantNo, id, document }: RulesRow): RulesInForce {
  try {
    return { id, rules: parseRuleset(JSON.parse(document)) };
  } catch (error) {
    app.metrics.count("threat_failures");
    app.log.error({ err: error, tenantNo, rules: id }, "threat: rules cannot be read; those from before stay in force");
    return rules.get(tenantNo) ?? NO_RULES;
  }
}

async function readThresholdsForAllTenants(app: App): Promise<Map<string, number>> {
  const rows: { tenantNo: number; partnerNo: number; subject: ThreatSubject; percent: number }[] =
    await app.database.query(
      "/* all tenants */ select tenant_no as tenantNo, partner_no as partnerNo, subject, percent from threat_threshold",
    );
  return new Map(
    rows.map(({ tenantNo, partnerNo, subject, percent }) => [`${tenantNo}:${partnerNo}:${subject}`, percent]),
  );
}

async function readBlocksForAllTenants(app: App): Promise<Map<string, Blocked>> {
  const rows: { tenantNo: number; subjectId: string; expiresAt: Date | null }[] = await app.database.query(
    `/* all tenants */ select tenant_no as tenantNo, subject_id as subjectId, expires_at as expiresAt
     from threat_block where standing = 1 limit ?`,
    [BLOCKS_MAX],
  );
  return new Map(rows.map(({ tenantNo, subjectId, expiresAt }) => [`${tenantNo}:${subjectId}`, { expiresAt }]));
}
