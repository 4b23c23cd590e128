import type { FastifyRequest } from "fastify";
import type { App } from "../../platform/app.js";
import type { RequestFacts } from "./context.js";
import { sessionCookieOf } from "./cookies.js";

declare module "fastify" {
  interface FastifyRequest {
    /** W3C `traceparent`: the caller's, or made here. */
    traceparent: string;
  }
}

/** What an HTTP request says about its sender. */
export function factsOf(app: App, request: FastifyRequest): RequestFacts {
  const { id: requestId, traceparent, ip: address } = request;
  const { authorization } = request.headers;
  return { authorization, session: sessionCookieOf(app, request.raw), requestId, traceparent, address };
}
