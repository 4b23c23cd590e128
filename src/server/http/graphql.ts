import { ApolloServer, type ApolloServerPlugin, HeaderMap } from "@apollo/server";
import {
  ApolloServerPluginCacheControlDisabled,
  ApolloServerPluginLandingPageDisabled,
} from "@apollo/server/plugin/disabled";
import { fastifyApolloHandler } from "@as-integrations/fastify";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { execute, type GraphQLError, type GraphQLFormattedError } from "graphql";
import { assert, present } from "../../kernel/assert.js";
import { ErrorCode } from "../../kernel/errors.js";
import type { App } from "../../platform/app.js";
import { TOKENS_MAX } from "../../platform/documents.js";
import { countRefusals } from "../../threat/service.js";
import { challengeOf } from "../challenge.js";
import {
  faultsOf,
  httpStatusOf,
  logFaults,
  publicError,
  publicErrors,
  refusalOf,
  retryAfterOf,
} from "../format-error.js";
import { serverSchema } from "../schema.js";
import { admitBody } from "./admission.js";
import { admitCaller, admitOperation } from "./charges.js";
import { type RequestContext, reopenContext } from "./context.js";
import { factsOf } from "./facts.js";
import { maySeeSchema, OPERATION_BYTES_MAX } from "./guard.js";
import { trustedDocument } from "./trusted.js";

/** GraphQL over HTTP, to be stopped after the last request is answered. */
export interface GraphqlEndpoint {
  close(): Promise<void>;
}

const PATH = "/graphql";
const NO_REQUEST = "";
/** What the execution of an operation adds to the head of its answer. */
const NO_HEAD = { headers: new HeaderMap() };

declare module "fastify" {
  interface FastifyRequest {
    /** Who asks, where a GraphQL route was reached. */
    graphqlContext: RequestContext | null;
    /** The request with the text of the registered document that it names; null where it is to be read as it came. */
    graphqlRequest: FastifyRequest | null;
  }
}

/** Serves `/graphql` by GET and POST as the GraphQL-over-HTTP specification says. */
export async function startGraphql(server: FastifyInstance, app: App): Promise<GraphqlEndpoint> {
  const apollo = new ApolloServer<RequestContext>({
    schema: serverSchema(),
    csrfPrevention: { requestHeaders: ["authorization", "x-apollo-operation-name", "apollo-require-preflight"] },
    introspection: true, // who may ask about the schema is for `guardOperation` to say
    dangerouslyDisableValidation: true, // it validates, after it has measured what validation would choke on
    includeStacktraceInErrorResponses: false,
    stopOnTerminationSignals: false,
    parseOptions: { maxTokens: TOKENS_MAX },
    persistedQueries: false,
    // For errors that never reach the plugin: a body that GraphQL cannot begin with. The handler adds the request id.
    formatError: (_formatted, error) => publicError(error, { requestId: NO_REQUEST, publicUrl: app.config.publicUrl }),
    logger: quiet(app),
    // Nothing is cached by hints, and looking for them would wrap every field of the schema.
    plugins: [answers(app), ApolloServerPluginCacheControlDisabled(), ApolloServerPluginLandingPageDisabled()],
  });
  await apollo.start();
  const handle = fastifyApolloHandler(apollo, { context: async (request) => contextOf(request) });
  server.decorateRequest("graphqlContext", null);
  server.decorateRequest("graphqlRequest", null);
  server.route({
    method: ["GET", "POST"],
    url: PATH,
    bodyLimit: OPERATION_BYTES_MAX,
    onRequest: async (request, reply) => {
      request.graphqlContext = await admitCaller(app, factsOf(app, request));
      await admitBody(app, request.graphqlContext.actor, request, reply);
    },
    preHandler: async (request) => {
      request.graphqlContext = await reopenContext(app, contextOf(request), () => factsOf(app, request));
      request.graphqlRequest = await withDocument(request);
    },
    handler: async (request, reply) => {
      const body: unknown = await contextOf(request).deadline.within(
        handle.call(server, request.graphqlRequest ?? request, reply),
      );
      return reply.statusCode >= 400 && typeof body === "string" ? withRequestId(body, request.id) : body;
    },
  });
  return { close: () => apollo.stop() };
}

/**
 * Checks operations before they run, runs them and puts every error into the shape of the contract. Apollo would run
 * them too; it makes ready for parts of an answer to follow, which this schema has not, and that costs as much again.
 */
function answers(app: App): ApolloServerPlugin<RequestContext> {
  return {
    async unexpectedErrorProcessingRequest({ requestContext, error }) {
      logFaults(app.log, requestContext.contextValue.requestId, [error]);
    },
    async requestDidStart() {
      let failures: readonly GraphQLError[] | undefined;
      return {
        async didResolveOperation({ document, request, contextValue }) {
          const { operationName, variables } = request;
          await admitOperation(contextValue, { document, operationName, variables });
        },
        async responseForOperation({ schema, document, request, contextValue }) {
          const { operationName, variables: variableValues } = request;
          const { data, errors } = await execute({ schema, document, variableValues, operationName, contextValue });
          failures = errors;
          return { http: NO_HEAD, body: { kind: "single", singleResult: data === undefined ? {} : { data } } };
        },
        async willSendResponse({ request, response, contextValue, errors = failures }) {
          if (errors === undefined || response.body.kind !== "single") return;
          const { actor, requestId } = contextValue;
          if (actor !== null) await countRefusals(app, actor, errors.map(refusalOf));
          const { singleResult } = response.body;
          logFaults(app.log, requestId, errors);
          const showsSchema = maySeeSchema(contextValue);
          singleResult.errors = publicErrors(errors, { requestId, publicUrl: app.config.publicUrl, showsSchema });
          if ("data" in singleResult) return;
          setStatus(response.http, errors, request.http?.headers.get("accept"));
        },
      };
    },
  };
}

/** A request refused as a whole: the status for its code; 200 for a wrong document where clients want plain JSON. */
function setStatus(
  http: { status?: number; headers: HeaderMap },
  errors: readonly GraphQLError[],
  accept: string | undefined,
): void {
  if (http.status === 405) return; // Apollo's, with `Allow`: a mutation by GET
  const [error] = errors;
  assert(error !== undefined, "a refused request has an error");
  const { code } = refusalOf(error);
  const { status = 400 } = http;
  http.status = code === ErrorCode.VALIDATION && status < 500 ? status : httpStatusOf(code); // ours are 500 to Apollo
  const retryAfter = retryAfterOf(refusalOf(error));
  if (retryAfter !== null) http.headers.set("retry-after", retryAfter);
  const challenge = challengeOf(refusalOf(error), undefined); // whoever sent a token was refused before
  if (challenge !== null) http.headers.set("www-authenticate", challenge);
  if (code === ErrorCode.VALIDATION && isDocumentFault(error) && !prefersGraphqlJson(accept)) http.status = 200;
}

function isDocumentFault(error: GraphQLError): boolean {
  return error.extensions["code"] === "GRAPHQL_PARSE_FAILED" || faultsOf(error) !== null;
}

/** Whether the answer is `application/graphql-response+json`, whose status says more than that of plain JSON. */
function prefersGraphqlJson(accept = "*/*"): boolean {
  const at = accept.indexOf("application/graphql-response+json");
  const plainAt = accept.search(/application\/(json|\*)|\*\/\*/);
  return at >= 0 && (plainAt < 0 || at < plainAt);
}

/**
 * The request with the text of a registered document in the place of its name; null where it names none. What is no
 * operation at all is left to Apollo, which says so.
 */
async function withDocument(request: FastifyRequest): Promise<FastifyRequest | null> {
  const asked = request.method === "GET" ? request.query : request.body;
  if (typeof asked !== "object" || asked === null || Array.isArray(asked)) return null;
  const query = await trustedDocument(contextOf(request), asked);
  if (query === null) return null;
  const { documentId: _id, extensions: _extensions, ...rest } = { documentId: null, extensions: null, ...asked };
  const changed = { ...rest, query };
  if (request.method !== "GET") return Object.create(request, { body: { value: changed } });
  const search = new URLSearchParams(
    Object.entries<unknown>(changed).map(([name, value]): [string, string] => [name, String(value)]),
  );
  return Object.create(request, { url: { value: `${PATH}?${search.toString()}` } });
}

function contextOf(request: FastifyRequest): RequestContext {
  return present(request.graphqlContext, "the context of a GraphQL request");
}

function withRequestId(body: string, requestId: string): string {
  const answer: { errors: GraphQLFormattedError[] } = JSON.parse(body);
  const errors = answer.errors.map((error) => ({ ...error, extensions: { ...error.extensions, requestId } }));
  return JSON.stringify({ ...answer, errors });
}

/** Apollo's own words go to our log; its errors are logged with the request they belong to. */
function quiet({ log }: App) {
  return {
    debug: (message: unknown) => log.trace({ apollo: message }, "apollo"),
    info: (message: unknown) => log.debug({ apollo: message }, "apollo"),
    warn: (message: unknown) => log.warn({ apollo: message }, "apollo"),
    error: (message: unknown) => log.error({ apollo: message }, "apollo"),
  };
}
