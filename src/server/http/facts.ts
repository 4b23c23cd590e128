import type { FastifyRequest } from "fastify";
import type { RequestFacts } from "./context.js";

declare module "fastify" {
  interface FastifyRequest {
    /** W3C `traceparent`: the caller's, or made here. */
    traceparent: string;
  }
}

/** What an HTTP request says about its sender. */
export function factsOf(request: FastifyRequest): RequestFacts {
  const { id: requestId, traceparent, ip: address } = request;
  return { authorization: request.headers.authorization, requestId, traceparent, address };
}
