import { actorOfSession, touchSession } from "../../identity/sessions/service.js";
import { authenticate } from "../../identity/tokens/service.js";
import type { Actor } from "../../kernel/actor.js";
import { type CodedError, defineErrors } from "../../kernel/errors.js";
import type { App } from "../../platform/app.js";
import { Loaders } from "../../platform/loaders.js";

/** What a request brings besides its operation. */
export interface RequestFacts {
  /** The `Authorization` header, or what a WebSocket sent in its place; undefined when there is none. */
  readonly authorization: string | undefined;
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
}

/**
 * Opens the context of a request. An access token that is no good is refused (`UNAUTHENTICATED`), none at all is not,
 * nor is a session that is over: browsers go on sending its cookie. A session is refused to other sites' pages
 * (`FORBIDDEN`), and from the use of it its idle time begins again.
 */
export async function openContext(app: App, facts: RequestFacts): Promise<RequestContext> {
  const actor = await callerOf(app, facts);
  if (actor !== null && !facts.authorization && facts.session !== null) await touchSession(app, facts.session.secret);
  return { app, actor, loaders: new Loaders(), requestId: facts.requestId };
}

/** Who calls, without that counting as use of a session; null where nobody signed in. */
export async function callerOf(app: App, facts: RequestFacts): Promise<Actor | null> {
  if (facts.authorization) return authenticate(app, facts);
  const { session } = facts;
  if (session === null) return null;
  if (!session.isFromOurPage) throw foreignPage();
  return actorOfSession(app, { ...facts, secret: session.secret });
}

/** The refusal of what another site's page sends. */
export function foreignPage(): CodedError {
  return contextError("FORBIDDEN");
}

/** The same context with nothing loaded yet, for the next event of a subscription. */
export function renewContext(context: RequestContext): RequestContext {
  return { ...context, loaders: new Loaders() };
}
