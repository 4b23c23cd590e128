import { ErrorCode } from "../../kernel/errors.js";
import type { App } from "../../platform/app.js";
import { refusalOf } from "../format-error.js";
import { callerOf, type RequestFacts, shownFacts } from "./context.js";

/** Subscriptions over a transport, to be ended before the server closes. */
export interface LiveEndpoints {
  close(): Promise<void>;
}

/** The open live connections of this process; each is authenticated again every second, and ended when refused. */
export interface Sessions {
  /** Watches a connection until the returned function is called; `end` is called at most once, to cut it. */
  watch(facts: RequestFacts, end: () => void): () => void;
  close(): void;
}

const CHECK_MS = 1_000;
/**
 * How old the last good answer may be while the next is not there. That answer itself may have been two seconds old, a
 * check begins a second after the last, and all of it stays within the five seconds in which a revocation counts.
 */
const UNCHECKED_MS_MAX = 1_900;

interface Session {
  readonly facts: RequestFacts;
  readonly end: () => void;
  checkedAt: number;
  isChecking: boolean;
}

/** Starts watching; nothing is checked while nobody is connected. */
export function openSessions(app: App): Sessions {
  const sessions = new Set<Session>();
  const timer = setInterval(() => void Promise.all([...sessions].map(check)), CHECK_MS).unref();
  const check = async (session: Session): Promise<void> => {
    if (await isStillGood(app, session)) return;
    if (sessions.delete(session)) session.end();
  };
  return {
    watch(facts, end) {
      const session = { facts: shownFacts(facts), end, checkedAt: performance.now(), isChecking: false };
      sessions.add(session);
      return () => sessions.delete(session);
    },
    close: () => clearInterval(timer),
  };
}

/** A check that the database does not answer is not waited for longer than an answer may be old. */
async function isStillGood(app: App, session: Session): Promise<boolean> {
  if (session.isChecking) return performance.now() - session.checkedAt < UNCHECKED_MS_MAX;
  session.isChecking = true;
  try {
    if ((await callerOf(app, session.facts)) === null) return false;
    session.checkedAt = performance.now();
    return true;
  } catch (error) {
    if (refusalOf(error).code === ErrorCode.UNAUTHENTICATED) return false;
    return performance.now() - session.checkedAt < UNCHECKED_MS_MAX;
  } finally {
    session.isChecking = false;
  }
}
