import { afterAll } from "vitest";
import type { App } from "../../src/platform/app.js";
import { type HttpServer, startHttp } from "../../src/server/http.js";

/** `WWW-Authenticate` where no credentials were sent: the schemes there are. */
export const CHALLENGE = 'Bearer, DPoP algs="EdDSA Ed25519 ES256 ES384 PS256"';

/** An error of an answer, as the contract lists it. */
export interface AnsweredError {
  readonly message: string;
  readonly path?: readonly (string | number)[];
  readonly extensions: Readonly<Record<string, unknown>>;
}

/** An answer of `/graphql`, its status and headers besides. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** Of whatever shape the question asked for. */
  readonly data?: ReturnType<JSON["parse"]>;
  readonly errors?: readonly AnsweredError[];
}

/** A GraphQL operation and who sends it. */
export interface Question {
  readonly query: string;
  readonly variables?: Readonly<Record<string, unknown>>;
  readonly token?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The HTTP side of an App, as a client sees it. */
export interface TestApi extends HttpServer {
  ask(question: Question): Promise<Answer>;
}

/** Serves an App on its own port until the tests of the file are over: call it at the top of the file. */
export async function testApi(app: App): Promise<TestApi> {
  const api = await openTestApi(app);
  afterAll(() => api.close());
  return api;
}

/** The same, to be closed by the test. */
export async function openTestApi(app: App): Promise<TestApi> {
  const server = await startHttp(app);
  let closing: Promise<void> | undefined;
  return {
    url: server.url,
    close: () => {
      closing ??= server.close();
      return closing;
    },
    ask: (question) => ask(`http://localhost:${app.config.port}`, question), // whatever address it says is its own
  };
}

async function ask(url: string, { query, variables, token, headers }: Question): Promise<Answer> {
  const response = await fetch(`${url}/graphql`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...headers,
    },
    body: JSON.stringify({ query, variables }),
  });
  const answer = (await response.json()) as Pick<Answer, "data" | "errors">;
  return { ...answer, status: response.status, headers: response.headers };
}
