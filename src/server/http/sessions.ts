import { ErrorCode } from "../../kernel/errors.js";
import type { App } from "../../platform/app.js";
import { refusalOf } from "../format-error.js";
import { callerOf, type RequestFacts, shownFacts } from "./context.js";

/** Subscriptions over a transport, to be ended before the server closes. */
export interface LiveEndpoints {
  close(): Promise<void>;
}

/** The open live connections of this process; each is authenticated again every two seconds, and ended when refused. */
export interface Sessions {
  /** Watches a connection until the returned function is called; `end` is called at most once, to cut it. */
  watch(facts: RequestFacts, end: () => void): () => void;
  close(): void;
}

const CHECK_MS = 2_000;
/** How old the last good answer may be: a revocation counts within that time even while the database is away. */
const UNCHECKED_MS_MAX = 5_000;

interface Session {
  readonly facts: RequestFacts;
  readonly end: () => void;
  checkedAt: number;
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
      const session = { facts: shownFacts(facts), end, checkedAt: performance.now() };
      sessions.add(session);
      return () => sessions.delete(session);
    },
    close: () => clearInterval(timer),
  };
}

async function isStillGood(app: App, session: Session): Promise<boolean> {
  try {
    if ((await callerOf(app, session.facts)) === null) return false;
    session.checkedAt = performance.now();
    return true;
  } catch (error) {
    if (refusalOf(error).code === ErrorCode.UNAUTHENTICATED) return false;
    return performance.now() - session.checkedAt < UNCHECKED_MS_MAX;
  }
}
