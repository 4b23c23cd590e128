import {
  createSourceEventStream,
  type ExecutionArgs,
  type ExecutionResult,
  execute,
  GraphQLError,
  parse,
} from "graphql";
import { assert } from "../../kernel/assert.js";
import { asError } from "../../kernel/errors.js";
import { TOKENS_MAX } from "../../platform/documents.js";
import { refuseBlocked } from "../../threat/blocks/service.js";
import { countRefusals } from "../../threat/service.js";
import { serverError } from "../errors.js";
import { refusalOf } from "../format-error.js";
import { serverSchema } from "../schema.js";
import { admitOperation } from "./charges.js";
import { type RequestContext, renewContext } from "./context.js";
import { trustedDocument } from "./trusted.js";

/** An operation as a live transport receives it. */
export interface LiveOperation {
  /** Empty or missing where a registered document is named. */
  readonly query?: string | null | undefined;
  readonly documentId?: unknown;
  readonly extensions?: unknown;
  readonly variables?: Readonly<Record<string, unknown>> | null | undefined;
  readonly operationName?: string | null | undefined;
}

/** What a prepared operation is run with; its context is always ours. */
export type LiveArgs = ExecutionArgs & { contextValue: RequestContext };

/** An operation parsed, checked and guarded as `/graphql` does it, or the errors that refuse it. */
export async function prepareOperation(
  operation: LiveOperation,
  contextValue: RequestContext,
): Promise<LiveArgs | GraphQLError[]> {
  const { variables, operationName } = operation;
  try {
    const text = (await trustedDocument(contextValue, operation)) ?? operation.query ?? "";
    const document = parse(text, { maxTokens: TOKENS_MAX });
    await admitOperation(contextValue, { document, operationName, variables });
    const variableValues = variables ?? undefined;
    return { schema: serverSchema(), document, variableValues, operationName, contextValue };
  } catch (error) {
    return [error instanceof GraphQLError ? error : refusalError(error)];
  }
}

/** Events of a subscription; ends early and for good by `return`. */
export type Events = AsyncIterableIterator<ExecutionResult> & Required<AsyncIterator<ExecutionResult>>;

/**
 * Subscribes as GraphQL's own `subscribe`, but gives each event a fresh context: loaders forget with the request, and a
 * subscription is as many requests as it has events. Where it ends since the access token did, or the client was
 * blocked, its last event says so.
 */
export async function subscribeAfresh(args: ExecutionArgs): Promise<Events | ExecutionResult> {
  const { contextValue: context } = args;
  assert(isRequestContext(context), "a subscription runs in a context of ours");
  const source = await createSourceEventStream(args);
  if (!(Symbol.asyncIterator in source)) return counted(context, source);
  const events = source[Symbol.asyncIterator]();
  let isOver = false;
  const end = async () => {
    isOver = true;
    await events.return?.();
    return OVER;
  };
  const results: Events = {
    async next() {
      const event = await events.next();
      if (event.done === true) {
        if (isOver || !hasExpired(context)) return OVER;
        isOver = true;
        return { done: false, value: { errors: [refusalError(serverError("UNAUTHENTICATED"))] } };
      }
      const refusal = await refusalOfBlocked(context);
      if (refusal !== null) {
        await end();
        return { done: false, value: { errors: [refusal] } };
      }
      const value = await executeInTime({ ...args, rootValue: event.value, contextValue: renewContext(context) });
      return { done: false, value };
    },
    return: end,
    async throw(error: unknown) {
      await end();
      throw error;
    },
    [Symbol.asyncIterator]: () => results,
  };
  return results;
}

const OVER = { done: true, value: undefined } as const;

function hasExpired({ actor, app }: RequestContext): boolean {
  return actor !== null && actor.expiresAt !== null && actor.expiresAt <= app.clock.now();
}

/** Why a client that was blocked meanwhile gets no more events; null where it was not. */
async function refusalOfBlocked({ app, actor }: RequestContext): Promise<GraphQLError | null> {
  if (actor === null) return null;
  return refuseBlocked(app, actor).then(() => null, refusalError);
}

/** What is refused over any transport counts alike. */
async function counted<R extends ExecutionResult>({ app, actor }: RequestContext, result: R): Promise<R> {
  const { errors = [] } = result;
  if (actor !== null && errors.length > 0) await countRefusals(app, actor, errors.map(refusalOf));
  return result;
}

/** Executes an operation until its context's deadline; what comes too late is an error, as over HTTP. */
export async function executeInTime(args: ExecutionArgs): Promise<ExecutionResult> {
  const { contextValue: context } = args;
  assert(isRequestContext(context), "an operation runs in a context of ours");
  try {
    return await counted(context, await context.deadline.within(Promise.resolve(execute(args))));
  } catch (error) {
    return { errors: [refusalError(error)] };
  }
}

/** Whatever was thrown, as the kind of error that live transports send. */
export function refusalError(error: unknown): GraphQLError {
  return new GraphQLError("refused", { originalError: asError(error) });
}

function isRequestContext(value: unknown): value is RequestContext {
  return typeof value === "object" && value !== null && "loaders" in value && "actor" in value;
}
