import type { ServerResponse } from "node:http";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import {
  type ExecutionResult,
  type GraphQLError,
  type GraphQLFormattedError,
  getOperationAST,
  OperationTypeNode,
} from "graphql";
import { z } from "zod";
import type { Actor } from "../../kernel/actor.js";
import { present } from "../../kernel/assert.js";
import type { App } from "../../platform/app.js";
import { serverError } from "../errors.js";
import { logFaults, publicErrors } from "../format-error.js";
import { admitBody } from "./admission.js";
import { admitCaller } from "./charges.js";
import { reopenContext } from "./context.js";
import { factsOf } from "./facts.js";
import { OPERATION_BYTES_MAX } from "./guard.js";
import {
  type Events,
  executeInTime,
  type LiveOperation,
  prepareOperation,
  refusalError,
  subscribeAfresh,
} from "./operation.js";
import { takeSeat } from "./seats.js";
import type { LiveEndpoints, Sessions } from "./sessions.js";

const PING_MS = 12_000;
const EVENT_STREAM = "text/event-stream";
/** Proxies must neither store nor gather what they should pass on at once. */
const STREAM_HEADERS = { "content-type": `${EVENT_STREAM}; charset=utf-8`, "x-accel-buffering": "no" };

const Operation = z.object({
  query: z.string().nullish(),
  documentId: z.unknown().optional(),
  extensions: z.unknown().optional(),
  variables: z.record(z.string(), z.unknown()).nullish(),
  operationName: z.string().nullish(),
});

/**
 * Serves the distinct connections mode of graphql-sse: an operation a request, answered by `next` and `complete`. A
 * stream that we cut ends without `complete`, so that its client comes again. Nothing is queued for a slow reader.
 */
export function startSse(server: FastifyInstance, app: App, sessions: Sessions): LiveEndpoints {
  const streams = new Set<() => void>();
  let isClosing = false;
  server.route({
    method: ["GET", "POST"],
    url: "/graphql/stream",
    bodyLimit: OPERATION_BYTES_MAX,
    onRequest: async (request, reply) => {
      if (isClosing) throw serverError("UNAVAILABLE", { reason: "The server is closing; connect again." });
      request.graphqlContext = await admitCaller(app, factsOf(app, request));
      if (request.graphqlContext.actor === null) throw serverError("UNAUTHENTICATED");
      await admitBody(app, request.graphqlContext.actor, request, reply);
    },
    preHandler: async (request) => {
      const context = present(request.graphqlContext, "the context");
      request.graphqlContext = await reopenContext(app, context, () => factsOf(app, request));
    },
    handler: async (request, reply) => {
      const leaveSeat = takeSeat(app, actorOf(request));
      const results = await resultsOf(request).catch((error: unknown) => {
        leaveSeat();
        throw error;
      });
      const stream = openStream(reply, results, (errors) => shown(app, request.id, errors));
      const stopWatching = sessions.watch(factsOf(app, request), stream.cut);
      streams.add(stream.cut);
      try {
        await stream.sent;
      } catch (error) {
        logFaults(app.log, request.id, [error]); // nobody else would: the answer is out of Fastify's hands
      } finally {
        streams.delete(stream.cut);
        stopWatching();
        leaveSeat();
      }
    },
  });
  return {
    async close() {
      isClosing = true;
      for (const cut of streams) cut();
    },
  };
}

interface Stream {
  /** Ends the stream without `complete`. */
  readonly cut: () => void;
  /** Fulfilled when the last byte is handed over, or the client has gone; rejected when the results fail. */
  readonly sent: Promise<void>;
}

/** Runs the operation of a request; what is wrong with it is a result with errors, as the protocol wants. */
async function resultsOf(request: FastifyRequest): Promise<Events> {
  const context = present(request.graphqlContext, "the context");
  const args = await prepareOperation(operationOf(request), context);
  if (Array.isArray(args)) return once({ errors: args });
  const kind = getOperationAST(args.document, args.operationName)?.operation;
  if (kind === OperationTypeNode.MUTATION && request.method === "GET") {
    return once({ errors: [refusalError(serverError("VALIDATION", { reason: "A mutation is sent by POST." }))] });
  }
  const results = kind === OperationTypeNode.SUBSCRIPTION ? await subscribeAfresh(args) : await executeInTime(args);
  return Symbol.asyncIterator in results ? results : once(results);
}

function actorOf({ graphqlContext }: FastifyRequest): Actor {
  return present(graphqlContext?.actor, "who opens a stream");
}

function operationOf(request: FastifyRequest): LiveOperation {
  if (!request.headers.accept?.includes(EVENT_STREAM)) {
    throw serverError("VALIDATION", { reason: `Accept ${EVENT_STREAM}, or ask /graphql.` });
  }
  const { success, data } = Operation.safeParse(request.method === "GET" ? ofQuery(request.query) : request.body);
  if (!success)
    throw serverError("VALIDATION", {
      reason: "An operation has a query or names a document, and may have variables and a name.",
    });
  return data;
}

/** By GET the variables are JSON in the query string. */
function ofQuery(query: unknown): unknown {
  if (typeof query !== "object" || query === null || !("variables" in query)) return query;
  try {
    return { ...query, variables: JSON.parse(String(query.variables)) };
  } catch {
    return null; // not an operation: refused with all other forms that are none
  }
}

/**
 * Answers with results as they come. A source that throws ends the stream without `complete`, so that its client comes
 * again.
 */
function openStream(reply: FastifyReply, results: Events, show: (errors: readonly GraphQLError[]) => Shown): Stream {
  reply.hijack();
  const { raw } = reply;
  let isCut = false;
  const cut = () => {
    isCut = true;
    void results.return();
  };
  raw.once("close", cut);
  const ping = setInterval(() => raw.write(":\n\n"), PING_MS);
  for (const [name, value] of Object.entries(reply.getHeaders())) if (value !== undefined) raw.setHeader(name, value);
  raw.writeHead(200, STREAM_HEADERS);
  const send = async () => {
    try {
      raw.write(":\n\n"); // some browsers wait for a first byte
      for await (const { errors, ...result } of results) {
        await write(raw, eventText("next", errors === undefined ? result : { ...result, errors: show(errors) }));
      }
      raw.end(isCut ? "" : eventText("complete"));
    } finally {
      clearInterval(ping);
      if (!raw.writableEnded) raw.destroy();
    }
  };
  return { cut, sent: send() };
}

type Shown = readonly GraphQLFormattedError[];

/** An event as graphql-sse's protocol spells it (PROTOCOL.md, distinct connections mode). */
function eventText(event: "next" | "complete", data?: unknown): string {
  return `event: ${event}\ndata:${data === undefined ? "" : ` ${JSON.stringify(data)}`}\n\n`;
}

/** Writes, and waits where the reader is slower than the events; a reader that has gone ends the wait. */
async function write(raw: ServerResponse, text: string): Promise<void> {
  if (raw.write(text) || raw.destroyed) return;
  await new Promise<void>((resolve) => {
    raw.once("drain", resolve);
    raw.once("close", resolve);
  });
}

function shown(app: App, requestId: string, errors: readonly GraphQLError[]): Shown {
  logFaults(app.log, requestId, errors);
  const { publicUrl, isProduction } = app.config;
  return publicErrors(errors, { requestId, publicUrl, showsSchema: !isProduction });
}

/** A single result as a stream of one. */
async function* once(result: ExecutionResult): Events {
  yield result;
}
