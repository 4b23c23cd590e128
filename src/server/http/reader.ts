import type { FastifyRequest } from "fastify";
import type { Actor, Scope } from "../../kernel/actor.js";
import type { App } from "../../platform/app.js";
import { serverError } from "../errors.js";
import { admitCaller, chargeDownload } from "./charges.js";
import { factsOf } from "./facts.js";

/**
 * Who asks for a download, which counts against the rate; `UNAUTHENTICATED` where nobody signed in, `FORBIDDEN` without
 * the scope.
 */
export async function readerOf(app: App, request: FastifyRequest, scope: Scope): Promise<Actor> {
  const { actor } = await admitCaller(app, factsOf(app, request));
  if (actor === null) throw serverError("UNAUTHENTICATED");
  if (!actor.scopes.has(scope)) throw serverError("FORBIDDEN", { scope });
  await chargeDownload(app, actor);
  return actor;
}
