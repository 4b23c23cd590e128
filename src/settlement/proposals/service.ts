import type { ActType } from "../../acts/entities.js";
import { isSamePerson } from "../../identity/four-eyes/service.js";
import type { Actor, TenantRef } from "../../kernel/actor.js";
import { later } from "../../kernel/clock.js";
import type { Reader, Tx } from "../../platform/database.js";

/** For how many days a second person may ask for what somebody proposed about a period; then it is as if nobody had. */
const PROPOSAL_DAYS = 14;
const DAY_MS = 86_400_000;

/** Which proposals: acts of one type about one period. */
export interface ProposalKey {
  readonly type: ActType;
  readonly periodId: string;
}

/** What somebody proposed about a period. */
export interface Proposal {
  readonly by: string;
  readonly reason: string;
  /** The version that it names; null where it names none. */
  readonly configurationId: string | null;
}

/** Until when what was proposed at an instant may be seconded. */
export function expiryOf(proposedAt: Date): Date {
  return later(proposedAt, PROPOSAL_DAYS * DAY_MS);
}

/** Proposals of after this instant stand at another. */
export function standingSince(now: Date): Date {
  return later(now, -PROPOSAL_DAYS * DAY_MS);
}

/** The proposals about a period that stand, the oldest first. */
export async function standingProposals(
  reader: Reader,
  { tenantNo }: TenantRef,
  { type, periodId }: ProposalKey,
  now: Date,
): Promise<readonly Proposal[]> {
  const acts: { by: string; detail: string }[] = await reader.query(
    `select principal_id as \`by\`, detail from act
     where tenant_no = ? and subject_id = ? and type = ? and at > ? order by no`,
    [tenantNo, periodId, type, standingSince(now)],
  );
  return acts.map(({ by, detail }) => {
    const { reason, configurationId = null } = JSON.parse(detail).after;
    return { by, reason, configurationId };
  });
}

/** Whether another person than the actor has proposed the same, and it stands. */
export async function isSeconding(
  tx: Tx,
  actor: Actor,
  { configurationId, now, ...key }: ProposalKey & { readonly configurationId?: string; readonly now: Date },
): Promise<boolean> {
  for (const proposal of await standingProposals(tx, actor, key, now)) {
    if (proposal.configurationId !== (configurationId ?? null)) continue;
    if (!(await isSamePerson(tx, actor, [proposal.by, actor.principalId]))) return true;
  }
  return false;
}
