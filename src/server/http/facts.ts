import type { FastifyRequest } from "fastify";
import type { PresentedProof } from "../../identity/dpop/service.js";
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
  const session = sessionCookieOf(app, request.raw);
  return { authorization, proof: proofOf(request), session, requestId, traceparent, address };
}

/** The request and its `DPoP` header; one that comes twice is joined, and then no proof (RFC 9449, section 4.3). */
export function proofOf({ headers, method, url }: FastifyRequest): PresentedProof {
  const header = headers["dpop"];
  const path = url.split("?", 1)[0] ?? "";
  return { text: Array.isArray(header) ? header.join(", ") : header, method, path };
}
