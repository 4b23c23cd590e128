import type { PresentedProof } from "../../identity/dpop/service.js";
import { authenticate, SHOWN_BEFORE } from "../../identity/tokens/service.js";
import type { Actor } from "../../kernel/actor.js";
import type { App } from "../../platform/app.js";
import { Loaders } from "../../platform/loaders.js";
import { refuseBlocked } from "../../threat/blocks/service.js";
import { Deadline } from "./deadline.js";

/** What a request brings besides its operation. */
export interface RequestFacts {
  /** The `Authorization` header, or what a WebSocket sent in its place; undefined when there is none. */
  readonly authorization: string | undefined;
  readonly proof: PresentedProof | typeof SHOWN_BEFORE;
  readonly requestId: string;
  readonly traceparent: string;
  readonly address: string;
}

/** A resolver's context before it is known whether the operation needs an actor; null where nobody signed in. */
export interface RequestContext {
  readonly app: App;
  readonly actor: Actor | null;
  readonly loaders: Loaders;
  readonly requestId: string;
  /** Where it came from. */
  readonly address: string;
  readonly deadline: Deadline;
}

/**
 * Opens the context of a request; a credential that is no good is refused (`UNAUTHENTICATED`), none at all is not. A
 * client that is blocked is refused whatever it asks (`QUARANTINED`).
 */
export async function openContext(app: App, facts: RequestFacts): Promise<RequestContext> {
  const actor = facts.authorization ? await authenticate(app, facts) : null;
  if (actor !== null) await refuseBlocked(app, actor);
  const { requestId, address } = facts;
  return { app, actor, requestId, address, ...workOf(app) };
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
