import { strayReversal } from "../../exchange/reversals/service.js";
import { AssertionFailed } from "../../kernel/assert.js";
import { dropWrongCopy } from "../../ledger/service.js";
import type { App } from "../../platform/app.js";
import { isPassingTrouble, readSnapshot } from "../../platform/database.js";
import { Partner, type Tenant } from "../../tenancy/entities.js";
import { tenantOf, tenantsForAllTenants } from "../../tenancy/service.js";
import { checkEveryBatch } from "../batches/service.js";
import { checkBooks } from "../books/service.js";
import { checkCredit } from "../credit/service.js";
import { checkDigests } from "../digests/service.js";
import { checkEvidence } from "../evidence/service.js";
import { Check, type Difference, Findings } from "../findings/rules.js";
import { checkPayouts } from "../payouts/service.js";
import { checkStatements } from "../statements/service.js";

const PARTNERS_MAX = 500;
/** Differences that a report lists; the first is what matters. */
const DIFFERENCES_MAX = 1_000;

/** What to check: one tenant, or all. */
export interface FsckScope {
  readonly tenantId?: string | undefined;
}

/** What was looked at, and the first difference of each check and tenant. */
export interface FsckReport {
  readonly ok: boolean;
  /** How many things of each noun were looked at. */
  readonly checked: Readonly<Record<string, number>>;
  readonly differences: readonly Difference[];
  /** The first bad index of each tenant's log that has one, by the tenant's id. */
  readonly firstBadIndexes: Readonly<Record<string, number>>;
}

/**
 * Computes totals, balances, batches, statements and the tree again from raw rows and names what differs. Safe beside a
 * working service: each partner and each tree is read as of one instant. Changes nothing but wrong copies in Redis,
 * which it deletes.
 */
export async function fsck(app: App, { tenantId }: FsckScope = {}): Promise<FsckReport> {
  const tenants = tenantId === undefined ? await tenantsForAllTenants(app) : [await tenantOf(app, tenantId)];
  const checked = new Map<string, number>([["tenants", tenants.length]]);
  const differences: Difference[] = [];
  const firstBadIndexes: Record<string, number> = {};
  for (const tenant of tenants) {
    const findings = await checkTenant(app, tenant);
    for (const [noun, things] of findings.checked) checked.set(noun, (checked.get(noun) ?? 0) + things);
    differences.push(...findings.differences);
    const index = findings.firstBadIndex;
    if (index !== null) firstBadIndexes[tenant.id] = index;
  }
  const isOk = differences.length === 0;
  const listed = differences.slice(0, DIFFERENCES_MAX);
  return { ok: isOk, checked: Object.fromEntries(checked), differences: listed, firstBadIndexes };
}

async function checkTenant(app: App, tenant: Tenant): Promise<Findings> {
  const findings = new Findings(tenant.id);
  const named = (subject: string) => (check: Check, work: () => Promise<void>) =>
    readable(findings, { check, subject }, work);
  await readSnapshot(app, async (reader) => {
    const of = named(tenant.id);
    await of(Check.TREE, () => checkEvidence(app, reader, tenant, findings));
    await of(Check.DIGESTS, () => checkDigests(app, reader, tenant, findings));
    const stray = await strayReversal(reader, tenant.no);
    if (stray !== null) findings.add(Check.REVERSALS, stray);
  });
  for await (const partner of partnersOf(app, tenant)) {
    findings.count("partners", 1);
    await readSnapshot(app, async (reader) => {
      const of = named(partner.id);
      await of(Check.TOTALS, () => checkBooks(reader, partner, findings));
      await of(Check.BATCHES, () => checkEveryBatch(app, reader, partner, findings));
      await of(Check.CREDIT, () => checkCredit(reader, partner, findings));
      await of(Check.STATEMENTS, () => checkStatements(reader, partner, findings));
      await of(Check.PAYOUTS, () => checkPayouts(reader, partner, findings));
    });
    const wrong = await dropWrongCopy(app, partner);
    if (wrong !== null) findings.add(Check.COPIES, { subject: partner.id, ...wrong });
  }
  return findings;
}

interface Named {
  readonly check: Check;
  readonly subject: string;
}

/** What is too damaged to be read at all is a difference as well; trouble of the database is not. */
async function readable(findings: Findings, { check, subject }: Named, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (isPassingTrouble(error)) throw error;
    const why = error instanceof AssertionFailed ? error.message : error instanceof Error ? error.name : "unknown";
    findings.add(check, { subject, expected: "what can be read", found: `not readable: ${why}` });
  }
}

async function* partnersOf(app: App, { id: tenantId }: Tenant): AsyncGenerator<Partner> {
  for (let after = 0; ; ) {
    const partners = await app.database.manager
      .createQueryBuilder(Partner, "partner")
      .where("partner.tenantId = :tenantId and partner.no > :after", { tenantId, after })
      .orderBy("partner.no")
      .limit(PARTNERS_MAX)
      .getMany();
    yield* partners;
    const last = partners.at(-1);
    if (last === undefined || partners.length < PARTNERS_MAX) return;
    after = last.no;
  }
}
