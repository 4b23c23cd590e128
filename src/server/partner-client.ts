import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { epochSeconds, systemClock } from "../kernel/clock.js";
import { ErrorCode } from "../kernel/errors.js";
import { newId } from "../kernel/ids.js";
import { openProver, type Prover } from "./partner/proofs.js";
import { readSigningKey, type SigningKey } from "./partner/signing-key.js";

/** Who calls which server: its URL, a client id and the file with that client's private JWK. */
export interface SessionInput {
  readonly url: string;
  readonly clientId: string;
  readonly keyFile: string;
  /** Scopes to ask for; all that the client has where none are named. */
  readonly scope?: string | undefined;
  /** Whether access tokens are bound to the key, and each request proves that it has it (DPoP, RFC 9449). */
  readonly dpop?: boolean | undefined;
}

/** A partner's side of the API: signs, gets tokens and renews them, and repeats what may be repeated. */
export interface Session {
  /** An access token that is good for a minute at least. */
  token(): Promise<string>;
  /** Compact JWS (RFC 7515) by the client's key, under the header `alg`, `kid` and `typ`. */
  sign(payload: string, typ: string): Promise<string>;
  /** The `data` of a GraphQL answer, checked; throws `RemoteRefusal` with the first error. */
  graphql<T>(answer: z.ZodType<T>, query: string, variables?: Readonly<Record<string, unknown>>): Promise<T>;
  /**
   * Submits a signed batch and waits so long for its outcome; safe to repeat, since its `jti` counts once. While the
   * server takes no more (`RATE_LIMITED`) it waits as long as the server says, and goes on.
   */
  submit(jws: string, waitMs: number): Promise<Submitted>;
}

/** What `submitBatch` answers; counts are null until the batch is posted. */
export type Submitted = z.infer<typeof SubmittedBatch>["submitBatch"];

/** What the server refused, or why it could not be asked. */
export class RemoteRefusal extends Error {
  override readonly name = "RemoteRefusal";

  constructor(
    readonly code: string,
    message: string,
    readonly retryable: boolean,
    readonly retryAfterMs: number | null = null,
  ) {
    super(message);
  }
}

const UNAUTHENTICATED: string = ErrorCode.UNAUTHENTICATED;
const RATE_LIMITED: string = ErrorCode.RATE_LIMITED;
const TRIES_MAX = 8;
const BUSY_MS_MAX = 15 * 60_000;
const RETRY_BASE_MS = 200;
const RETRY_MS_MAX = 5_000;
const REQUEST_MS_MAX = 60_000;
const ASSERTION_LIFE_SECONDS = 60;
const RENEWED_BEFORE_MS = 60_000;
const RETRYABLE_STATUSES = [429, 502, 503, 504];
const LOOPBACK_HOSTS = ["localhost", "127.0.0.1", "[::1]"];
const ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

const Metadata = z.object({ issuer: z.url(), token_endpoint: z.url() });
const TokenAnswer = z.object({ access_token: z.string(), expires_in: z.number() });
const TokenRefusal = z.object({ error: z.string(), error_description: z.string().default("") });
const GraphqlError = z.object({
  message: z.string(),
  extensions: z.looseObject({
    code: z.string(),
    retryable: z.boolean().default(false),
    retryAfterMs: z.number().optional(),
  }),
});
const GraphqlAnswer = z.object({ data: z.unknown().optional(), errors: z.array(GraphqlError).optional() });
const SubmittedBatch = z.object({
  submitBatch: z.object({
    batch: z.object({
      ...{ id: z.string(), state: z.string(), itemCount: z.number() },
      ...{ postedCount: z.number().nullable(), duplicateCount: z.number().nullable() },
      ...{ pendingCount: z.number().nullable(), refusedCount: z.number().nullable() },
    }),
    receipt: z.string(),
    replayed: z.boolean(),
  }),
});

const SUBMIT = `mutation Submit($input: SubmitBatchInput!) {
  submitBatch(input: $input) {
    batch { id state itemCount postedCount duplicateCount pendingCount refusedCount }
    receipt
    replayed
  }
}`;

/** How requests are sent: with a new proof each, where there is a prover. */
interface Channel {
  readonly prover: Prover | null;
}

interface HeldToken {
  readonly text: string;
  /** By the clock that never jumps. */
  readonly goodUntil: number;
}

/**
 * Opens a session; nothing is asked of the server yet. Throws when the key file holds no private JWK with `kid` and
 * `alg`.
 */
export async function openSession(input: SessionInput): Promise<Session> {
  const url = input.url.replace(/\/+$/, "");
  const key = await readSigningKey(input.keyFile);
  const channel = { prover: input.dpop === true ? openProver((claims) => key.prove(claims)) : null };
  let held: Promise<HeldToken> | null = null;
  const currentToken = async () => {
    const known = await held;
    if (known !== null && performance.now() < known.goodUntil) return known.text;
    const fresh = fetchToken({ ...input, url }, key, channel);
    held = fresh;
    try {
      return (await fresh).text;
    } catch (error) {
      held = null;
      throw error;
    }
  };
  const graphql: Session["graphql"] = async (answer, query, variables = {}) => {
    const ask = async () => answer.parse(await post(channel, url, await currentToken(), { query, variables }));
    try {
      return await retrying(ask);
    } catch (error) {
      if (!(error instanceof RemoteRefusal) || error.code !== UNAUTHENTICATED) throw error;
      held = null; // the server may have another key by now, or another clock
      return await retrying(ask);
    }
  };
  return {
    token: () => retrying(currentToken),
    sign: (payload, typ) => key.sign(payload, typ),
    graphql,
    async submit(jws, waitMs) {
      const { submitBatch } = await graphql(SubmittedBatch, SUBMIT, { input: { jws, waitMs } });
      return submitBatch;
    },
  };
}

/**
 * Runs it again, with growing pauses, while what failed may succeed later. A server that has too much to do says when
 * to come again; that is no failure, and is waited for as often as it says so, for `BUSY_MS_MAX` in all.
 */
async function retrying<T>(work: () => Promise<T>): Promise<T> {
  const began = performance.now();
  for (let attempt = 1; ; ) {
    try {
      return await work();
    } catch (error) {
      const pauseMs = pauseAfter(error, attempt);
      const isBusy = codeOf(error) === RATE_LIMITED && performance.now() - began < BUSY_MS_MAX;
      if (pauseMs === null || (!isBusy && attempt === TRIES_MAX)) throw error;
      if (!isBusy) attempt += 1;
      await sleep(pauseMs);
    }
  }
}

/** How long to wait before it may succeed; null where it never will. */
function pauseAfter(error: unknown, attempt: number): number | null {
  if (!(error instanceof RemoteRefusal) || !error.retryable) return null;
  return error.retryAfterMs ?? Math.min(RETRY_BASE_MS * 2 ** attempt, RETRY_MS_MAX);
}

function codeOf(error: unknown): string | null {
  return error instanceof RemoteRefusal ? error.code : null;
}

async function fetchToken(
  { url, clientId, scope }: SessionInput,
  key: SigningKey,
  channel: Channel,
): Promise<HeldToken> {
  const { issuer, tokenEndpoint } = await discover(url);
  const now = epochSeconds(systemClock.now());
  const claims = { iss: clientId, sub: clientId, aud: issuer, iat: now, exp: now + ASSERTION_LIFE_SECONDS };
  const assertion = await key.sign(JSON.stringify({ ...claims, jti: newId("tok", systemClock) }), "JWT");
  const form = new URLSearchParams({
    ...{ grant_type: "client_credentials", client_id: clientId },
    ...{ client_assertion_type: ASSERTION_TYPE, client_assertion: assertion },
    ...(scope === undefined ? {} : { scope }),
  });
  const response = await send(channel, tokenEndpoint, { headers: {}, body: form, token: null });
  const body = await jsonOf(response);
  if (response.ok) {
    const { access_token, expires_in } = TokenAnswer.parse(body);
    return { text: access_token, goodUntil: performance.now() + expires_in * 1_000 - RENEWED_BEFORE_MS };
  }
  const { error, error_description } = TokenRefusal.parse(body);
  throw new RemoteRefusal(error, `${error}: ${error_description}`, RETRYABLE_STATUSES.includes(response.status));
}

/** The server's metadata (RFC 8414), which must speak of the server that was asked; on loopback its names are one. */
async function discover(url: string): Promise<{ issuer: string; tokenEndpoint: string }> {
  const response = await request(`${url}/.well-known/oauth-authorization-server`, {});
  if (!response.ok)
    throw unreachable(url, `it answers ${response.status}`, RETRYABLE_STATUSES.includes(response.status));
  const { issuer, token_endpoint } = Metadata.parse(await jsonOf(response));
  if (issuer === url) return { issuer, tokenEndpoint: token_endpoint };
  if ([url, issuer].every((address) => LOOPBACK_HOSTS.includes(new URL(address).hostname))) {
    return { issuer, tokenEndpoint: url + new URL(token_endpoint).pathname };
  }
  throw new RemoteRefusal("issuer", `${url} says that it is ${issuer}; use that address.`, false);
}

async function post(channel: Channel, url: string, token: string, operation: object): Promise<unknown> {
  const scheme = channel.prover === null ? "Bearer" : "DPoP";
  const headers = { authorization: `${scheme} ${token}`, "content-type": "application/json" };
  const response = await send(channel, `${url}/graphql`, { headers, body: JSON.stringify(operation), token });
  const { success, data: answer } = GraphqlAnswer.safeParse(await jsonOf(response));
  const [error] = answer?.errors ?? [];
  if (!success || (error === undefined && !response.ok)) {
    throw unreachable(url, `it answers ${response.status}`, RETRYABLE_STATUSES.includes(response.status));
  }
  if (error === undefined) return answer.data;
  const { code, retryable, retryAfterMs } = error.extensions;
  throw new RemoteRefusal(code, `${code}: ${error.message}`, retryable, retryAfterMs ?? null);
}

interface Posted {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | URLSearchParams;
  readonly token: string | null;
}

/** Posts; where a nonce is wanted for the proof, once more with it. */
async function send({ prover }: Channel, url: string, { headers, body, token }: Posted): Promise<Response> {
  const method = "POST";
  if (prover === null) return request(url, { method, headers, body });
  const proven = async () => {
    const dpop = await prover.prove({ method, url, token });
    return request(url, { method, headers: { ...headers, dpop }, body });
  };
  const response = await proven();
  if (!(await prover.learn(response))) return response;
  const again = await proven();
  await prover.learn(again);
  return again;
}

async function request(address: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(address, { ...init, redirect: "error", signal: AbortSignal.timeout(REQUEST_MS_MAX) });
  } catch (error) {
    const { cause } = error instanceof Error ? error : { cause: undefined };
    throw unreachable(address, cause instanceof Error ? cause.message : String(error), true);
  }
}

async function jsonOf(response: Response): Promise<unknown> {
  try {
    return await response.json();
  } catch (error) {
    throw unreachable(
      response.url,
      `its answer is no JSON (${String(error)})`,
      RETRYABLE_STATUSES.includes(response.status),
    );
  }
}

function unreachable(address: string, reason: string, retryable: boolean): RemoteRefusal {
  return new RemoteRefusal(ErrorCode.UNAVAILABLE, `${address} cannot be used: ${reason}.`, retryable);
}
