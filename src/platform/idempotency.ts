import type { Actor } from "../kernel/actor.js";
import { canonicalJson } from "../kernel/canonical-json.js";
import { later } from "../kernel/clock.js";
import { sha256 } from "../kernel/digest.js";
import { CodedError, defineErrors } from "../kernel/errors.js";
import type { App } from "./app.js";
import { CommitOutcomeUnknown, isPassingTrouble, type Reader, type Tx, transact } from "./database.js";

/** How long a mutation's answer is kept for its repetition. */
const ANSWER_KEPT_DAYS = 120;

const DAY_MS = 86_400_000;
const PURGE_ROWS_MAX = 10_000;

/** A request that may come more than once: the caller's key, and what it asks under it. */
export interface RepeatableRequest {
  readonly operation: string;
  /** The caller's key; null where the caller is ourselves and repeats nothing. */
  readonly idempotencyKey: string | null;
  readonly input: unknown;
}

const idempotencyError = defineErrors({
  IDEMPOTENCY_CONFLICT: {
    message: "The idempotency key was used for another request.",
  },
});

/**
 * Runs a unit of work once per principal and key: a repetition answers the id that the first run answered. The same key
 * with another input is refused (`IDEMPOTENCY_CONFLICT`). Key, input hash and answer commit with the write.
 */
export async function once(
  app: App,
  actor: Actor,
  request: RepeatableRequest,
  work: (tx: Tx) => Promise<string>,
): Promise<string> {
  const { idempotencyKey } = request;
  if (idempotencyKey === null) return transact(app, work);
  const inputSha256 = sha256(canonicalJson({ operation: request.operation, input: request.input }));
  const known = await knownAnswer(app.database.manager, actor, idempotencyKey, inputSha256);
  if (known !== null) return known;
  try {
    return await transact(app, async (tx) => {
      const answer = await work(tx);
      await tx.query(
        `insert into idempotent_answer (tenant_id, principal_id, idempotency_key, input_sha256, answer, created_at)
         values (?, ?, ?, ?, ?, ?)`,
        [actor.tenantId, actor.principalId, idempotencyKey, inputSha256, answer, app.clock.now()],
      );
      return answer;
    });
  } catch (error) {
    // Whatever it met, perhaps the same request was first: by its key or, before that, by what it had changed.
    // A locking read waits for the end of a transaction whose COMMIT was not answered.
    const lock = error instanceof CommitOutcomeUnknown ? "lock in share mode" : "";
    const winner = await knownAnswer(app.database.manager, actor, idempotencyKey, inputSha256, lock).catch(
      refusalOrNull,
    );
    if (winner === null) throw error; // nobody was, or nobody can tell now
    return winner;
  }
}

/**
 * Looks up what a COMMIT that was not answered has left. A refusal counts; where the database cannot tell now either it
 * stays unknown, and nobody is told that nothing was stored.
 */
export async function lookedUp<T>(unknown: CommitOutcomeUnknown, lookUp: () => Promise<T>): Promise<T> {
  try {
    return await lookUp();
  } catch (error) {
    const tellsNothing = error instanceof CodedError ? error.retryable : isPassingTrouble(error);
    throw tellsNothing ? unknown : error;
  }
}

/** That the key was used for another request counts; that the database cannot be asked does not. */
function refusalOrNull(error: unknown): null {
  if (error instanceof CodedError && !error.retryable) throw error;
  return null;
}

async function knownAnswer(
  reader: Reader,
  actor: Actor,
  key: string,
  inputSha256: Buffer,
  lock = "",
): Promise<string | null> {
  const rows: { input_sha256: Buffer; answer: string }[] = await reader.query(
    `select input_sha256, answer from idempotent_answer
     where tenant_id = ? and principal_id = ? and idempotency_key = ? ${lock}`,
    [actor.tenantId, actor.principalId, key],
  );
  const [row] = rows;
  if (row === undefined) return null;
  if (!row.input_sha256.equals(inputSha256)) throw idempotencyError("IDEMPOTENCY_CONFLICT");
  return row.answer;
}

/** Forgets answers older than they are kept; answers how many. */
export async function purgeAnswersForAllTenants(app: App): Promise<number> {
  const { affectedRows } = await app.database.query(
    "/* all tenants */ delete from idempotent_answer where created_at < ? limit ?",
    [later(app.clock.now(), -ANSWER_KEPT_DAYS * DAY_MS), PURGE_ROWS_MAX],
  );
  return affectedRows;
}
