import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import type { FastifyInstance } from "fastify";
import type { GraphQLError, GraphQLFormattedError } from "graphql";
import type { Context as Connection, SubscribePayload } from "graphql-ws";
import { type Extra, useServer } from "graphql-ws/use/ws";
import { type WebSocket, WebSocketServer } from "ws";
import { newNonce } from "../../identity/nonces/service.js";
import { present } from "../../kernel/assert.js";
import { ErrorCode } from "../../kernel/errors.js";
import { newId, newTraceparent } from "../../kernel/ids.js";
import type { App } from "../../platform/app.js";
import { serverError } from "../errors.js";
import { logFaults, publicErrors, refusalOf } from "../format-error.js";
import { addressOf } from "./address.js";
import { admitCaller } from "./charges.js";
import { type RequestFacts, shownFacts } from "./context.js";
import { sessionCookieOf } from "./cookies.js";
import { executeInTime, type LiveArgs, prepareOperation, refusalError, subscribeAfresh } from "./operation.js";
import { isOriginAllowed } from "./origins.js";
import { takeSeat } from "./seats.js";
import type { LiveEndpoints, Sessions } from "./sessions.js";

const PATH = "/graphql";
const MESSAGE_BYTES_MAX = 1024 * 1024;
const OPERATIONS_MAX = 100;
/** How long somebody may take to say who he is. */
const INIT_MS_MAX = 3_000;
/** Messages of a connection in any second, pings among them. */
const MESSAGES_PER_SECOND_MAX = 500;
const CLOSE_MS_MAX = 1_000;
/** The close code after which clients of graphql-ws connect again, with a new token. */
const FORBIDDEN = 4403;
const TRY_AGAIN_LATER = 1013;
const REFUSED: readonly ErrorCode[] = [ErrorCode.UNAUTHENTICATED, ErrorCode.FORBIDDEN];
const POLICY_VIOLATION = 1008;

type Facts = { facts?: RequestFacts; stopWatching?: () => void; leaveSeat?: () => void };
type Socket = Connection<Record<string, unknown>, Extra & Facts>;

/**
 * Serves graphql-transport-ws; the token, and the proof of its key where it has one, come as `authorization` and `dpop`
 * in the parameters of `connection_init`, a session as the cookie of the upgrade request.
 */
export function startWebSocket(server: FastifyInstance, app: App, sessions: Sessions): LiveEndpoints {
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: MESSAGE_BYTES_MAX,
    perMessageDeflate: false,
  });
  const graphql = useServer<Record<string, unknown>, Facts>(
    {
      onConnect: (socket) => admit(app, sessions, socket),
      onClose: ({ extra }) => {
        extra.stopWatching?.();
        extra.leaveSeat?.();
      },
      onSubscribe: (socket, _id, operation) => prepare(app, socket, operation),
      subscribe: subscribeAfresh,
      execute: executeInTime,
      connectionInitWaitTimeout: INIT_MS_MAX,
      onNext: (socket, _id, _operation, _args, { errors, data }) =>
        errors && { ...(data === undefined ? {} : { data }), errors: shown(app, socket, errors) },
      onError: (socket, _id, _operation, errors) => shown(app, socket, errors),
      isProd: app.config.isProduction,
    },
    sockets,
  );
  const upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    // Node has let go of the socket: nobody else hears that it was reset, which would end the process.
    socket.on("error", () => socket.destroy());
    if (request.url?.split("?")[0] !== PATH) return refuse(socket, "404 Not Found");
    if (!isOriginAllowed(app, request)) return refuse(socket, "403 Forbidden");
    sockets.handleUpgrade(request, socket, head, (opened) => {
      limitMessages(opened);
      sockets.emit("connection", opened, request);
    });
  };
  server.server.on("upgrade", upgrade);
  return {
    async close() {
      server.server.off("upgrade", upgrade);
      const timeout = new AbortController();
      const cut = sleep(CLOSE_MS_MAX, null, { signal: timeout.signal }).then(
        () => {
          for (const client of sockets.clients) client.terminate();
        },
        () => undefined, // everybody left in time
      );
      await graphql.dispose();
      timeout.abort();
      await cut;
    },
  };
}

function refuse(socket: Duplex, status: string): void {
  socket.once("finish", () => socket.destroy());
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\n\r\n`);
}

/** Closes a connection that sends messages faster than any client has a use for; each is parsed and answered. */
function limitMessages(webSocket: WebSocket): void {
  let [second, count] = [0, 0];
  webSocket.on("message", () => {
    const now = Math.floor(performance.now() / 1_000);
    [second, count] = second === now ? [second, count + 1] : [now, 1];
    if (count > MESSAGES_PER_SECOND_MAX) webSocket.close(POLICY_VIOLATION, "RATE_LIMITED");
  });
}

/** Lets a connection in whose token is good; others are closed with a code that says whether to come again. */
async function admit(app: App, sessions: Sessions, socket: Socket): Promise<boolean> {
  const { socket: webSocket, request } = socket.extra;
  const facts: RequestFacts = {
    authorization: parameterOf(socket, "authorization"),
    proof: { text: parameterOf(socket, "dpop"), method: "GET", path: PATH },
    session: sessionCookieOf(app, request),
    requestId: newId("req", app.clock),
    traceparent: newTraceparent(),
    address: addressOf(app, request),
  };
  try {
    const { actor } = await admitCaller(app, facts);
    if (actor === null) throw serverError("UNAUTHENTICATED");
    socket.extra.leaveSeat = takeSeat(app, actor);
  } catch (error) {
    const { code, details } = refusalOf(error);
    logFaults(app.log, facts.requestId, [error]);
    // There are no headers to answer with, so a nonce goes into the reason.
    const reason = details["oauthError"] === "use_dpop_nonce" ? `use_dpop_nonce ${newNonce(app)}` : code;
    webSocket.close(REFUSED.includes(code) ? FORBIDDEN : TRY_AGAIN_LATER, reason);
    return false;
  }
  socket.extra.facts = shownFacts(facts);
  socket.extra.stopWatching = sessions.watch(facts, () => webSocket.close(FORBIDDEN, "UNAUTHENTICATED"));
  return true;
}

/** Authenticates again for each operation, so that none runs on scopes or loaders of an earlier one. */
async function prepare(app: App, socket: Socket, operation: SubscribePayload): Promise<LiveArgs | GraphQLError[]> {
  try {
    const { facts, subscriptions } = { ...socket, ...socket.extra };
    if (Object.keys(subscriptions).length > OPERATIONS_MAX) {
      throw serverError("LIMIT_EXCEEDED", { reason: `${OPERATIONS_MAX} operations at once.` });
    }
    const context = await admitCaller(app, present(facts, "the facts of a connection let in"));
    return await prepareOperation(operation, context);
  } catch (error) {
    return [refusalError(error)];
  }
}

function shown(app: App, socket: Socket, errors: readonly GraphQLError[]): GraphQLFormattedError[] {
  const requestId = socket.extra.facts?.requestId ?? "";
  logFaults(app.log, requestId, errors);
  const { publicUrl, isProduction } = app.config;
  return publicErrors(errors, { requestId, publicUrl, showsSchema: !isProduction });
}

/** Header names have no case; clients that put headers into the parameters send `Authorization` and `DPoP` as well. */
function parameterOf({ connectionParams = {} }: Socket, name: string): string | undefined {
  const found = Object.entries(connectionParams).find(([each]) => each.toLowerCase() === name);
  return typeof found?.[1] === "string" ? found[1] : undefined;
}
