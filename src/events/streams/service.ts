import type { ActType } from "../../acts/entities.js";
import type { App } from "../../platform/app.js";
import type { Reader } from "../../platform/database.js";

/** The acts of one partner, numbered from 1 without a gap. */
export interface PartnerStream {
  readonly tenantNo: number;
  readonly partnerNo: number;
}

/** A numbered act as subscribers see it. */
export interface LiveEvent {
  /** Its place in the partner's stream. */
  readonly sequence: number;
  readonly type: ActType;
  readonly subjectId: string;
  /** RFC 3339, UTC. */
  readonly at: string;
  /** What the act says came of it; hashes, counts and states. */
  readonly after: Readonly<Record<string, unknown>>;
}

/** An act's columns that an event is made of. */
export interface StoredAct {
  readonly partnerSequence: string | number | null;
  readonly type: ActType;
  readonly subjectId: string;
  readonly at: Date;
  readonly detail: string;
}

/** Stored events of one read. */
const READ_MAX = 500;

/** Where Redis keeps a partner's stream; the entry of sequence 42 has the id `42-0`. */
export function streamKey(app: App, { tenantNo, partnerNo }: PartnerStream): string {
  return `${app.config.redisPrefix}:{t${tenantNo}}:acts:${partnerNo}`;
}

/** The sequence of a partner's newest numbered act; 0 before the first. */
export async function lastSequence(reader: Reader, { tenantNo, partnerNo }: PartnerStream): Promise<number> {
  const [row] = await reader.query("select last_sequence from act_sequence where tenant_no = ? and partner_no = ?", [
    tenantNo,
    partnerNo,
  ]);
  return row === undefined ? 0 : Number(row.last_sequence);
}

/** A partner's numbered acts after a sequence, in order, at most 500. */
export async function storedEvents(
  reader: Reader,
  { tenantNo, partnerNo }: PartnerStream,
  after: number,
): Promise<LiveEvent[]> {
  const acts: StoredAct[] = await reader.query(
    `select partner_sequence as partnerSequence, type, subject_id as subjectId, at, detail from act
     where tenant_no = ? and partner_no = ? and partner_sequence > ? order by partner_sequence limit ?`,
    [tenantNo, partnerNo, after, READ_MAX],
  );
  return acts.map(eventOf);
}

/** An act as an event. */
export function eventOf(act: StoredAct): LiveEvent {
  const { type, subjectId } = act;
  const { after } = JSON.parse(act.detail);
  return { sequence: Number(act.partnerSequence), type, subjectId, at: act.at.toISOString(), after: after ?? {} };
}
