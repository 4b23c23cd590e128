import type { FastifyRequest } from "fastify";
import type { Actor, Scope } from "../../kernel/actor.js";
import type { App } from "../../platform/app.js";
import { serverError } from "../errors.js";
import { openContext } from "./context.js";
import { factsOf } from "./facts.js";

/** Who asks for a download; `UNAUTHENTICATED` where nobody signed in, `FORBIDDEN` without the scope. */
export async function readerOf(app: App, request: FastifyRequest, scope: Scope): Promise<Actor> {
  const { actor } = await openContext(app, factsOf(app, request));
  if (actor === null) throw serverError("UNAUTHENTICATED");
  if (!actor.scopes.has(scope)) throw serverError("FORBIDDEN", { scope });
  return actor;
}
