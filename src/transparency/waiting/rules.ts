/** A witness as a process knows it before it signs a log for the first time. */
export interface AskedWitness {
  readonly name: string;
  /** Whether it has told this process what it holds of the log. */
  readonly isHeard: boolean;
  /** Whether an operator lets the log be signed without hearing it. */
  readonly isWaived: boolean;
}

/**
 * The witnesses that a log still waits for: all that were not heard and are not waived, until as many were heard as are
 * enough. Null for the quorum: all of them. A waived witness counts as one that was heard.
 */
export function awaitedWitnesses(witnesses: readonly AskedWitness[], quorum: number | null): string[] {
  const awaited = witnesses.filter(({ isHeard, isWaived }) => !isHeard && !isWaived);
  const isEnough = quorum !== null && witnesses.length - awaited.length >= quorum;
  return isEnough ? [] : awaited.map(({ name }) => name);
}
