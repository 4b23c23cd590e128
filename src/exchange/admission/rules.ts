/** So many batches, and bytes of them. */
export interface Amount {
  readonly batches: number;
  readonly bytes: number;
}

/** What waits to be posted, and for how long its oldest batch has. */
export interface Waiting extends Amount {
  readonly oldestMs: number;
}

/** What waits of a partner, of its tenant with that, and of all tenants with those. */
export interface Backlog {
  readonly partner: Waiting;
  readonly tenant: Waiting;
  readonly installation: Waiting;
}

/** So much, and no more. */
interface Limit {
  readonly batchesMax: number;
  readonly bytesMax: number;
}

/** The limits of a backlog. */
export interface Limits {
  readonly partner: Limit;
  readonly tenant: Limit;
  readonly installation: Limit;
  readonly ageMsMax: number;
}

/** Whose limit was met: the partner's own, one it shares with others, or that of the process. */
export type Level = "PARTNER" | "TENANT" | "INSTALLATION" | "INTAKE";

/** Why a batch is not taken now. */
export interface Fullness {
  readonly level: Level;
  readonly unit: "batches" | "bytes" | "age";
  /** When there may be room, from now. */
  readonly roomMs: number;
  /** How long one batch takes to be posted, as long as others wait. */
  readonly batchMs: number;
}

/**
 * Whether one more batch of a partner may wait; null when it may. A partner has limits of its own. Of what is shared, a
 * partner within its tenant and a tenant within the installation may hold as much as is free: the more is taken, the
 * less anybody may take, so whoever holds little is let in for as long as there is room, and one alone never takes more
 * than half (Choudhury and Hahne, Dynamic Queue Length Thresholds, IEEE/ACM Transactions on Networking 6(2), 1998,
 * with alpha = 1).
 */
export function fullnessOf({ partner, tenant, installation }: Backlog, limits: Limits): Fullness | null {
  const nothing = { batches: 0, bytes: 0 };
  if (partner.oldestMs > limits.ageMsMax) {
    const batchMs = batchMsOf(partner);
    return { level: "PARTNER", unit: "age", roomMs: partner.oldestMs - limits.ageMsMax + batchMs, batchMs };
  }
  return (
    fullness("PARTNER", { own: nothing, all: partner, limit: limits.partner }) ??
    fullness("TENANT", { own: partner, all: tenant, limit: limits.tenant }) ??
    fullness("INSTALLATION", { own: tenant, all: installation, limit: limits.installation })
  );
}

/** Whether a process that has so much at work may begin one more for somebody, by the same rule; null when it may. */
export function intakeFullness(own: Amount, all: Amount, limit: Limit): Fullness | null {
  const unit = fullUnit({ own, all, limit });
  return unit === null ? null : { level: "INTAKE", unit, roomMs: 0, batchMs: 1 };
}

/** When somebody refused shall come again: in turn, one for each batch that leaves, within these bounds. */
const RETRY_MS = { min: 250, max: 10_000 } as const;

/** The turn of whoever is refused now, given the last turn that was given out; instants in milliseconds. */
export function nextTurn({ roomMs, batchMs }: Fullness, nowMs: number, lastTurnMs: number): number {
  const turnMs = Math.max(nowMs + roomMs, lastTurnMs + batchMs);
  return Math.min(Math.max(turnMs, nowMs + RETRY_MS.min), nowMs + RETRY_MS.max);
}

interface Share {
  readonly own: Amount;
  readonly all: Amount;
  readonly limit: Limit;
}

function fullness(level: Level, share: { own: Amount | Waiting; all: Waiting; limit: Limit }): Fullness | null {
  const unit = fullUnit(share);
  if (unit === null) return null;
  const { own, all, limit } = share;
  const [used, max] = unit === "batches" ? [own.batches + all.batches, limit.batchesMax] : bytesOf(share);
  const batchMs = batchMsOf(all);
  const overBatches = Math.ceil(all.batches * (1 - max / used)) + 1;
  return { level, unit, roomMs: overBatches * batchMs, batchMs };
}

function bytesOf({ own, all, limit }: Share): [number, number] {
  return [own.bytes + all.bytes, limit.bytesMax];
}

/** What is used up: whoever holds as much as is free, or more, gets nothing of it. */
function fullUnit({ own, all, limit }: Share): "batches" | "bytes" | null {
  if (own.batches >= limit.batchesMax - all.batches) return "batches";
  if (own.bytes >= limit.bytesMax - all.bytes) return "bytes";
  return null;
}

/** By Little's law: where so many wait and the first of them came so long ago, one leaves in every such time. */
function batchMsOf({ batches, oldestMs }: Waiting): number {
  return oldestMs / Math.max(batches, 1);
}

/** Whose batch it is; `partnerNo` 0 is not known yet, since the tenant signs for a partner that the payload names. */
export interface Owner {
  readonly tenantNo: number;
  readonly partnerNo: number;
}

/** What waits to be posted, by partner. */
export interface WaitingRow extends Owner, Amount {
  readonly oldest: Date;
}

/** The key of all together. */
export const EVERYBODY = "";

/** The key of a partner. */
export function keyOf({ tenantNo, partnerNo }: Owner): string {
  return `${tenantNo}:${partnerNo}`;
}

interface Sum {
  batches: number;
  bytes: number;
  /** Milliseconds since 1970; infinite where there is none. */
  oldestAt: number;
}

const NOTHING: Readonly<Sum> = { batches: 0, bytes: 0, oldestAt: Number.POSITIVE_INFINITY };

/** Sums by partner, by tenant (its number is the key) and for everybody. */
export class Tally {
  readonly #sums = new Map<string, Sum>();

  at(key: string): Readonly<Sum> {
    return this.#sums.get(key) ?? NOTHING;
  }

  add({ batches, bytes, oldest, ...owner }: WaitingRow): void {
    this.#change(owner, { batches, bytes, oldestAt: oldest.getTime() });
  }

  /** Adds, and answers what takes it off again, once. */
  addFor(owner: Owner, { batches, bytes }: Amount): () => void {
    this.#change(owner, { batches, bytes, oldestAt: Number.POSITIVE_INFINITY });
    let isThere = true;
    return () => {
      if (isThere) this.#change(owner, { batches: -batches, bytes: -bytes, oldestAt: Number.POSITIVE_INFINITY });
      isThere = false;
    };
  }

  #change(owner: Owner, { batches, bytes, oldestAt }: Readonly<Sum>): void {
    for (const key of [keyOf(owner), `${owner.tenantNo}`, EVERYBODY]) {
      const sum = this.#sums.get(key) ?? { ...NOTHING };
      sum.batches += batches;
      sum.bytes += bytes;
      sum.oldestAt = Math.min(sum.oldestAt, oldestAt);
      if (sum.batches === 0 && sum.bytes === 0) this.#sums.delete(key);
      else this.#sums.set(key, sum);
    }
  }
}
