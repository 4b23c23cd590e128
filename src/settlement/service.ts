import { CommitOutcomeUnknown } from "../platform/database.js";

/**
 * Runs a unit that locks the partner's cursor and reads anew what it decides on. When its COMMIT is not answered it
 * runs once more, told so: by then the first run is over, and what it left shows whether it held.
 */
export async function untilKnown<T>(unit: (isRepeat: boolean) => Promise<T>): Promise<T> {
  try {
    return await unit(false);
  } catch (error) {
    if (!(error instanceof CommitOutcomeUnknown)) throw error;
    return unit(true);
  }
}
