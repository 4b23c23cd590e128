import type { FastifyReply, FastifyRequest } from "fastify";
import { admitRequest } from "../../exchange/admission/service.js";
import { type Actor, PrincipalKind } from "../../kernel/actor.js";
import type { App } from "../../platform/app.js";
import { serverError } from "../errors.js";
import { OPERATION_BYTES_MAX } from "./guard.js";

/** A body larger than this is a batch; nothing else that is sent comes near. */
export const PLAIN_BYTES_MAX = 100_000;
/** From a partner's client one of this size nearly always is. */
const PARTNERS_PLAIN_BYTES_MAX = 16_000;

/**
 * Before a body is read: reading and parsing megabytes is for those who signed in (`UNAUTHENTICATED`), and while there
 * is room for what they send (`RATE_LIMITED`): whoever reads what is then refused has that much less time to post. The
 * place that a large body takes is given back with its answer.
 */
export async function admitBody(
  app: App,
  actor: Actor | null,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  const bytes = bodyBytesOf(request);
  if (bytes <= (actor?.kind === PrincipalKind.PARTNER ? PARTNERS_PLAIN_BYTES_MAX : PLAIN_BYTES_MAX)) return;
  if (actor === null) throw serverError("UNAUTHENTICATED");
  const leave = await admitRequest(app, actor, bytes);
  // Closed with the answer sent, or with the connection lost meanwhile; then nobody would tell us again.
  if (reply.raw.destroyed) leave();
  else reply.raw.once("close", leave);
}

/** As many as the headers say; as many as there may be, where they do not. */
function bodyBytesOf({ headers }: FastifyRequest): number {
  if (headers["transfer-encoding"] !== undefined) return OPERATION_BYTES_MAX;
  return Math.min(Number(headers["content-length"] ?? 0), OPERATION_BYTES_MAX);
}
