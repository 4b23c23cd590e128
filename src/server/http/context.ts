import type { PresentedProof } from "../../identity/dpop/service.js";
import { actorOfSession, touchSession } from "../../identity/sessions/service.js";
import { authenticate, SHOWN_BEFORE } from "../../identity/tokens/service.js";
import type { Actor } from "../../kernel/actor.js";
import { type CodedError, defineErrors } from "../../kernel/errors.js";
import type { App } from "../../platform/app.js";
import { Loaders } from "../../platform/loaders.js";
import { refuseBlocked } from "../../threat/blocks/service.js";
import { Deadline } from "./deadline.js";

/** What a request brings besides its operation. */
export interface RequestFacts {
  /** The `Authorization` header, or what a WebSocket sent in its place; undefined when there is none. */
  readonly authorization: string | undefined;
  readonly proof: PresentedProof | typeof SHOWN_BEFORE;
  /** The cookie of somebody who signed in; null where there is none. */
  readonly session: SessionCookie | null;
  readonly requestId: string;
  readonly traceparent: string;
  readonly address: string;
}

/** A session as a browser brings it. */
export interface SessionCookie {
  readonly secret: string;
  /** Whether a page of ours sent the request, as far as the browser tells: others may not use the cookie. */
  readonly isFromOurPage: boolean;
}

const contextError = defineErrors({
  FORBIDDEN: { message: "A session is used from our own pages only, at the address that is configured." },
});

/** A resolver's context before it is known whether the operation needs an actor; null where nobody signed in. */
export interface RequestContext {
  readonly app: App;
  readonly actor: Actor | null;
  readonly loaders: Loaders;
  readonly requestId: string;
  /** Where it came from. */
  readonly address: string;
  readonly deadline: Deadline;
  /** When the actor was let in, by the clock that never jumps. */
  readonly openedAtMs: number;
}

const OPEN_MS = 2_000;

/**
 * Opens the context of a request. An access token that is no good is refused (`UNAUTHENTICATED`), none at all is not,
 * nor is a session that is over: browsers go on sending its cookie. A session is refused to other sites' pages
 * (`FORBIDDEN`), and from the use of it its idle time begins again. A client that is blocked is refused whatever it
 * asks (`QUARANTINED`).
 */
export async function openContext(app: App, facts: RequestFacts): Promise<RequestContext> {
  const openedAtMs = performance.now();
  const actor = await callerOf(app, facts);
  if (actor !== null && !facts.authorization && facts.session !== null) await touchSession(app, facts.session.secret);
  const { requestId, address } = facts;
  return { app, actor, requestId, address, openedAtMs, ...workOf(app) };
}

/** The context of a request whose body is there: opened again where that took so long that its key may be revoked. */
export async function reopenContext(app: App, context: RequestContext, facts: () => RequestFacts) {
  return performance.now() - context.openedAtMs < OPEN_MS ? context : openContext(app, shownFacts(facts()));
}

/** Who calls, without that counting as use of a session; null where nobody signed in. */
export async function callerOf(app: App, facts: RequestFacts): Promise<Actor | null> {
  const actor = facts.authorization ? await authenticate(app, facts) : await signedIn(app, facts);
  if (actor !== null) await refuseBlocked(app, actor);
  return actor;
}

async function signedIn(app: App, { session, ...facts }: RequestFacts): Promise<Actor | null> {
  if (session === null) return null;
  if (!session.isFromOurPage) throw foreignPage();
  return actorOfSession(app, { ...facts, secret: session.secret });
}

/** The refusal of what another site's page sends. */
export function foreignPage(): CodedError {
  return contextError("FORBIDDEN");
}

/** The facts of a connection that was let in: what it showed then need not, and cannot, be shown again. */
export function shownFacts(facts: RequestFacts): RequestFacts {
  return { ...facts, proof: SHOWN_BEFORE };
}

/** The same context with nothing loaded yet, for the next event of a subscription. */
export function renewContext(context: RequestContext): RequestContext {
  return { ...context, ...workOf(context.app) };
}

/** What an operation works with, and until when. */
function workOf(app: App): Pick<RequestContext, "deadline" | "loaders"> {
  const deadline = new Deadline(app);
  return { deadline, loaders: new Loaders(() => deadline.check()) };
}
