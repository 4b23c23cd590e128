import { CommitOutcomeUnknown } from "../platform/database.js";
import { lookedUp } from "../platform/idempotency.js";
import { settlementError } from "./errors.js";

/**
 * Runs a unit that locks the partner's cursor and reads anew what it decides on. When its COMMIT is not answered it
 * runs once more, told so: by then the first run is over, and what it left shows whether it held. Where that cannot be
 * told now either it stays unknown.
 */
export async function untilKnown<T>(unit: (isRepeat: boolean) => Promise<T>): Promise<T> {
  try {
    return await unit(false);
  } catch (error) {
    if (!(error instanceof CommitOutcomeUnknown)) throw error;
    return lookedUp(error, () => unit(true));
  }
}

const TRIES_MAX = 10;

/** What a statement was made of is not any more what it was; a sign for `whileFactsMove` alone. */
export class FactsMoved extends Error {
  override readonly name = "FactsMoved";
}

/** Makes statements, again where something that they are made of moved before they were stored. */
export async function whileFactsMove(makeStatements: () => Promise<void>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await makeStatements();
    } catch (error) {
      if (!(error instanceof FactsMoved)) throw error;
      if (attempt === TRIES_MAX) throw settlementError("UNAVAILABLE", { reason: error.message });
    }
  }
}
