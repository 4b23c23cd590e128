import { ActType } from "../../acts/entities.js";
import { isSamePerson } from "../../identity/four-eyes/service.js";
import type { Actor } from "../../kernel/actor.js";
import { type Page, type PageRequest, POSITION, pageOf, pageStart } from "../../kernel/page.js";
import type { App } from "../../platform/app.js";
import { expiryOf, standingProposals, standingSince } from "../../settlement/proposals/service.js";
import { type AwaitedApproval, AwaitedKind, DECIDING, type PeriodProposal } from "./entities.js";

const DAY_MS = 86_400_000;

/** What is proposed about a period by an act, and lapses. */
const PROPOSALS: ReadonlyMap<AwaitedKind, ActType> = new Map([
  [AwaitedKind.PERIOD_ABORT, ActType.PERIOD_ABORT_PROPOSED],
  [AwaitedKind.PERIOD_TERMS, ActType.PERIOD_TERMS_PROPOSED],
]);

/** What waits, kind by kind; each is a short list, since people work it off. The tenant's id and number are given. */
const WAITING: Readonly<Record<AwaitedKind, string>> = {
  CONFIGURATION: `select waits.id, partner.no as partnerNo, submitted_by as proposedBy, submitted_at as since,
      null as currency, null as amount
    from configuration as waits join partner on partner.tenant_id = waits.tenant_id and partner.id = waits.partner_id
    where waits.tenant_id = ? and partner.tenant_no = ? and waits.state = 'PENDING_APPROVAL'`,
  GAME_SETTINGS: `select waits.id, nullif(waits.partner_no, 0), set_by, proposed_at, null, null
    from game_setting as waits join tenant on tenant.no = waits.tenant_no
    where tenant.id = ? and waits.tenant_no = ? and waits.state = 'PENDING_APPROVAL'`,
  EXCHANGE_RATE: `select waits.id, null, entered_by, entered_at, null, null
    from exchange_rate as waits join tenant on tenant.id = waits.tenant_id
    where waits.tenant_id = ? and tenant.no = ? and waits.state = 'PENDING_APPROVAL'`,
  STATEMENT: `select id, partner_no as partnerNo, null as proposedBy, issued_at as since, currency,
      payable_minor as amount
    from statement where tenant_id = ? and tenant_no = ? and state = 'STATEMENT_ISSUED' and advances_at is null`,
  STATEMENT_RELEASE: `select waits.id, waits.partner_no, approved_by, (select max(act.at) from act
        where act.tenant_no = waits.tenant_no and act.subject_id = waits.id and act.type = 'STATEMENT_APPROVED'),
      currency, payable_minor
    from statement as waits where waits.tenant_id = ? and waits.tenant_no = ? and waits.state = 'APPROVED'`,
  DISPUTE_ANSWER: `select waits.id, partner.no, answered_by, (select max(act.at) from act
        where act.tenant_no = waits.tenant_no and act.subject_id = waits.id and act.type = 'DISPUTE_ANSWER_PROPOSED'),
      currency, adjustment_minor
    from dispute as waits join partner on partner.tenant_id = waits.tenant_id and partner.id = waits.partner_id
    where waits.tenant_id = ? and waits.tenant_no = ? and waits.state = 'PENDING_APPROVAL'`,
  PERIOD_ABORT: proposedAs(ActType.PERIOD_ABORT_PROPOSED),
  PERIOD_TERMS: proposedAs(ActType.PERIOD_TERMS_PROPOSED),
  PAYOUT_ACCOUNT: `select waits.id, partner.no, registered_by, registered_at, waits.currency, null
    from payout_account as waits join tenant on tenant.id = waits.tenant_id
    left join partner on partner.tenant_id = waits.tenant_id and partner.id = waits.partner_id
    where waits.tenant_id = ? and tenant.no = ? and waits.state = 'PENDING_APPROVAL'`,
  COLLECTION: `select waits.id, partner.no, recorded_by, recorded_at, waits.currency, amount_minor
    from collection as waits
    join partner on partner.tenant_id = waits.tenant_id and partner.id = waits.partner_id
    where waits.tenant_id = ? and partner.tenant_no = ? and waits.state = 'PENDING_APPROVAL'`,
  RETENTION_CHANGE: `select waits.id, null, proposed_by, proposed_at, null, null
    from retention_change as waits join tenant on tenant.id = waits.tenant_id
    where waits.tenant_id = ? and tenant.no = ? and waits.state = 'PENDING_APPROVAL'`,
  THREAT_RULES: `select waits.id, null, waits.drafted_by, waits.drafted_at, null, null
    from threat_rules as waits join tenant on tenant.no = waits.tenant_no
    where tenant.id = ? and waits.tenant_no = ? and waits.state = 'DRAFT'
      and waits.version > coalesce((select max(active.version) from threat_rules as active
        where active.tenant_no = waits.tenant_no and active.state = 'ACTIVE'), 0)`,
  KEY: `select waits.id, partner.no, waits.registered_by, waits.created_at, null, null
    from client_key as waits join tenant on tenant.id = waits.tenant_id
    left join partner on partner.tenant_id = waits.tenant_id and partner.id = waits.partner_id
    where waits.tenant_id = ? and tenant.no = ? and waits.state = 'PENDING_APPROVAL'`,
  INVITATION: `select waits.id, null, (select act.principal_id from act
        where act.tenant_no = tenant.no and act.subject_id = waits.id and act.type in ('USER_CREATED', 'USER_INVITED')
        order by act.no desc limit 1), waits.invited_at, null, null
    from user as waits join tenant on tenant.id = waits.tenant_id
    where waits.tenant_id = ? and tenant.no = ? and waits.invited_at is not null and waits.state <> 'DISABLED'`,
};

/** The version of terms that a proposal names; null where it names none. */
function versionOf(act: string): string {
  return `json_value(${act}.detail, '$.after.configurationId')`;
}

/** The oldest proposal of each period and version that stands; twice more given: since when those do. */
function proposedAs(type: ActType): string {
  return `select period.id, period.partner_no, proposal.principal_id, proposal.at, null, null
    from act as proposal join settlement_period as period
      on period.tenant_no = proposal.tenant_no and period.id = proposal.subject_id
    join tenant on tenant.no = proposal.tenant_no
    where tenant.id = ? and proposal.tenant_no = ? and proposal.type = '${type}' and proposal.at > ?
      and period.state in ('OPEN', 'CLOSED', 'CALCULATED')
      and proposal.no = (select min(first.no) from act as first where first.tenant_no = proposal.tenant_no
        and first.subject_id = proposal.subject_id and first.type = proposal.type and first.at > ?
        and ${versionOf("first")} <=> ${versionOf("proposal")})`;
}

const COLUMNS = "kind, version, id, partnerNo, proposedBy, since, currency, amount";
/** Names the columns and their types for the rest of the union. */
const HEAD = `select '' as kind, '' as version, '' as id, 0 as partnerNo, '' as proposedBy,
  cast(null as datetime(3)) as since, '' as currency, cast(null as decimal(38,0)) as amount from dual where false`;

/** What waits in the actor's tenant for an approval that the actor's scopes may give, what waits longest first. */
export async function awaitedBy(app: App, actor: Actor, request: PageRequest): Promise<Page<AwaitedApproval>> {
  const { rows, after } = pageStart(request, "awaiting-approval", POSITION.INSTANT_ID);
  const [atMs, id = ""] = after?.split(".") ?? [];
  const at = new Date(Number(atMs ?? 0));
  const now = app.clock.now();
  const { sql, values } = waitingFor(actor, now);
  const found: WaitingRow[] = await app.database.query(
    `select ${COLUMNS} from (${sql}) as waiting where since > ? or (since = ? and id > ?)
     order by since, id, version limit ?`,
    [...values, at, at, id, rows + 1],
  );
  const awaited = found.map((row) => awaitedOf(row, now));
  return pageOf(awaited, rows, ({ since, subject }) => `${since.getTime()}.${subject}`);
}

/** How many there are. */
export async function countAwaited(app: App, actor: Actor): Promise<number> {
  const { sql, values } = waitingFor(actor, app.clock.now());
  const [{ count }] = await app.database.query(`select count(*) as count from (${sql}) as waiting`, [...values]);
  return Number(count);
}

/** What is proposed about a period, as it stands now; null for what is none, and once it has lapsed. */
export async function proposalOf(
  app: App,
  actor: Actor,
  { kind, version, subject: periodId }: Pick<AwaitedApproval, "kind" | "version" | "subject">,
): Promise<PeriodProposal | null> {
  const type = PROPOSALS.get(kind);
  if (type === undefined) return null;
  const standing = await standingProposals(app.database.manager, actor, { type, periodId }, app.clock.now());
  return standing.find(({ configurationId }) => configurationId === version) ?? null;
}

/** Which of these principals are the same person as the actor, as four eyes have it. */
export async function areOwn(app: App, actor: Actor, principalIds: readonly string[]): Promise<boolean[]> {
  const own: boolean[] = [];
  for (const id of principalIds) own.push(await isSamePerson(app.database.manager, actor, [id, actor.principalId]));
  return own;
}

/** A partner's client decides on none of it, whatever it may propose. */
function waitingFor(
  { scopes, tenantId, tenantNo, partnerId }: Actor,
  now: Date,
): { readonly sql: string; readonly values: unknown[] } {
  const kinds = Object.values(AwaitedKind).filter((kind) => partnerId === null && scopes.has(DECIDING[kind].scope));
  const parts = kinds.map((kind) => {
    return WAITING[kind].replace(
      "select",
      `select '${kind}', ${PROPOSALS.has(kind) ? versionOf("proposal") : "null"},`,
    );
  });
  const since = standingSince(now);
  const values = kinds.flatMap((kind) => [tenantId, tenantNo, ...(PROPOSALS.has(kind) ? [since, since] : [])]);
  return { sql: [HEAD, ...parts].join(" union all "), values };
}

interface WaitingRow {
  readonly kind: AwaitedKind;
  readonly version: string | null;
  readonly id: string;
  readonly partnerNo: number | null;
  readonly proposedBy: string | null;
  readonly since: Date;
  readonly currency: string | null;
  readonly amount: string | null;
}

function awaitedOf(row: WaitingRow, now: Date): AwaitedApproval {
  const { id: subject, amount, partnerNo, ...rest } = row;
  return {
    ...rest,
    subject,
    partnerNo: partnerNo === null ? null : Number(partnerNo),
    expiresAt: PROPOSALS.has(row.kind) ? expiryOf(row.since) : null,
    amountMinor: amount === null ? null : BigInt(amount),
    waitingDays: Math.max(0, Math.floor((now.getTime() - row.since.getTime()) / DAY_MS)),
  };
}
