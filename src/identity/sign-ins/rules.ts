import type { User } from "../users/entities.js";

/** Wrong passwords in a row after which an account takes none for a while. */
const FAILURES_MAX = 5;
const MINUTE_MS = 60_000;
const LOCK_MINUTES = [1, 2, 4, 8, 15] as const;

/**
 * How long an account is locked by that many failures in a row: at every fifth, for 1, 2, 4, 8 and then 15 minutes, so
 * that guessing gets at most some twenty an hour and nobody is locked out for good; null where it is not locked.
 */
export function lockMsAfter(failures: number): number | null {
  if (failures === 0 || failures % FAILURES_MAX !== 0) return null;
  const nth = Math.min(failures / FAILURES_MAX, LOCK_MINUTES.length);
  return (LOCK_MINUTES[nth - 1] ?? LOCK_MINUTES[4]) * MINUTE_MS;
}

/** How often a password was wrong in a row, and until when none is taken. */
interface PasswordLock {
  readonly failures: number;
  readonly lockedUntil: Date | null;
}

/** Where nothing was wrong lately. */
export const NO_LOCK: PasswordLock = { failures: 0, lockedUntil: null };

/**
 * What counts against whoever tries. Those who have shown that they are known to the account count apart, so that
 * strangers, who may be anybody, lock out strangers alone.
 */
export function lockOf(user: User, isKnown: boolean): PasswordLock {
  const { failures, lockedUntil, knownFailures, knownLockedUntil } = user;
  return isKnown ? { failures: knownFailures, lockedUntil: knownLockedUntil } : { failures, lockedUntil };
}

/** The columns that keep it. */
export function lockColumns({ failures, lockedUntil }: PasswordLock, isKnown: boolean): Partial<User> {
  return isKnown ? { knownFailures: failures, knownLockedUntil: lockedUntil } : { failures, lockedUntil };
}
