/** A witness as a process knows it before it signs a log for the first time. */
export interface AskedWitness {
  readonly name: string;
  /** Whether it has told this process what it holds of the log. */
  readonly isHeard: boolean;
  /** Whether an operator lets the log be signed without hearing it. */
  readonly isWaived: boolean;
}

/**
 * The witnesses that a log still waits for: all that were not heard and are not waived, until as many were heard as the
 * quorum wants, or all where it is null. One that is waived fills no quorum; it is as if it were off the list.
 */
export function awaitedWitnesses(witnesses: readonly AskedWitness[], quorum: number | null): string[] {
  const listed = witnesses.filter(({ isHeard, isWaived }) => isHeard || !isWaived);
  const awaited = listed.filter(({ isHeard }) => !isHeard);
  const isEnough = quorum !== null && listed.length - awaited.length >= quorum;
  return isEnough ? [] : awaited.map(({ name }) => name);
}
