import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { takesPasswords } from "../../identity/providers/service.js";
import {
  endSession,
  openSessionsOf,
  type SessionCredentials,
  sessionIdOf,
  signOut,
} from "../../identity/sessions/service.js";
import { changePassword } from "../../identity/sign-ins/service.js";
import { rolesOf, userOf } from "../../identity/users/service.js";
import type { Actor } from "../../kernel/actor.js";
import type { CodedError } from "../../kernel/errors.js";
import type { App } from "../../platform/app.js";
import { tenantOf } from "../../tenancy/service.js";
import { admitCaller } from "../http/charges.js";
import { setCookie } from "../http/cookies.js";
import { factsOf } from "../http/facts.js";
import { formOf, pageFacts, parameter, sendPage } from "./forms.js";
import { accountPage } from "./pages.js";
import { fieldOf, refusing } from "./sign-in.js";
import type { RefusalText } from "./texts.js";

const SIGN_IN_PATH = "/sign-in";

/** Who is signed in in this browser. */
interface SignedIn {
  readonly actor: Actor;
  readonly sessionId: string;
}

/** The page of one's own account: where one is signed in, another password, signing out. */
export function registerAccount(scope: FastifyInstance, app: App): void {
  scope.get("/account", async (request, reply) => {
    const signedIn = await signedInAs(app, request);
    if (signedIn === null) return reply.redirect(SIGN_IN_PATH, 303);
    return showAccount(app, request, reply, signedIn);
  });
  scope.post("/account/password", async (request, reply) => {
    const signedIn = await signedInAs(app, request);
    if (signedIn === null) return reply.redirect(SIGN_IN_PATH, 303);
    const form = formOf(request);
    const [current, next] = [fieldOf(form, "current"), fieldOf(form, "password")];
    const show = ({ refusal, error }: { refusal: RefusalText | null; error: CodedError | null }) =>
      showAccount(app, request, reply, signedIn, { refusal, error });
    if (next !== fieldOf(form, "repeated")) return show({ refusal: "different", error: null });
    const { actor, sessionId } = signedIn;
    return refusing(
      async () => {
        await changePassword(app, actor, { current, next, sessionId });
        return reply.redirect("/account?changed=1", 303);
      },
      { unauthenticated: "wrongPassword", show },
    );
  });
  scope.post("/account/sessions/end", async (request, reply) => {
    const signedIn = await signedInAs(app, request);
    if (signedIn === null) return reply.redirect(SIGN_IN_PATH, 303);
    await endSession(app, signedIn.actor, fieldOf(formOf(request), "session"));
    return reply.redirect("/account", 303);
  });
  scope.post("/sign-out", async (request, reply) => {
    const credentials = credentialsOf(app, request);
    if (credentials !== null) await signOut(app, credentials);
    setCookie(app, reply, "session", { value: "", seconds: 0 });
    return reply.redirect(SIGN_IN_PATH, 303);
  });
}

async function showAccount(
  app: App,
  request: FastifyRequest,
  reply: FastifyReply,
  { actor, sessionId }: SignedIn,
  { refusal, error }: { readonly refusal: RefusalText | null; readonly error: CodedError | null } = {
    ...{ refusal: null, error: null },
  },
): Promise<FastifyReply> {
  const user = await userOf(app, actor, actor.principalId);
  const { name: tenantName } = await tenantOf(app, actor.tenantId);
  const account = {
    ...{ user, roles: rolesOf(user), tenantName, sessionId, sessions: await openSessionsOf(app, actor, user.id) },
    hasPassword: user.passwordHash !== null && (await takesPasswords(app, actor.tenantId)),
    isPasswordChanged: parameter(request, "changed") === "1",
    graphiql: app.config.http.hasGraphiql ? "/graphiql" : null,
  };
  return sendPage(reply, error, accountPage({ ...pageFacts(app, request), refusal }, account));
}

/** Only a session counts here: these pages are for people. */
async function signedInAs(app: App, request: FastifyRequest): Promise<SignedIn | null> {
  const { actor } = await admitCaller(app, { ...factsOf(app, request), authorization: undefined });
  const credentials = credentialsOf(app, request);
  const sessionId = credentials === null ? null : await sessionIdOf(app, credentials.secret);
  return actor === null || sessionId === null ? null : { actor, sessionId };
}

function credentialsOf(app: App, request: FastifyRequest): SessionCredentials | null {
  const { session, ...facts } = factsOf(app, request);
  return session === null ? null : { ...facts, secret: session.secret };
}
