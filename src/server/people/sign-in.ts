import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { DEVICE_SECONDS, sealedDevice } from "../../identity/devices/service.js";
import { invitedBy, joinWithPassword } from "../../identity/invitations/service.js";
import {
  beginAtProvider,
  CALLBACK_PATH,
  concludeAtProvider,
  PROVIDER_SIGN_IN_SECONDS,
} from "../../identity/provider-sign-ins/service.js";
import { providerFor } from "../../identity/providers/service.js";
import type { StartedSession } from "../../identity/sessions/service.js";
import { type SignInOrigin, signInWithPassword } from "../../identity/sign-ins/service.js";
import { CodedError } from "../../kernel/errors.js";
import { isId } from "../../kernel/ids.js";
import type { App } from "../../platform/app.js";
import { tenantOf } from "../../tenancy/service.js";
import { serverError } from "../errors.js";
import { cookieIn, setCookie } from "../http/cookies.js";
import { type Form, formOf, pageFacts, parameter, refusalText, sendPage } from "./forms.js";
import { type Doors, joinPage, refusalPage, signInPage } from "./pages.js";
import type { RefusalText } from "./texts.js";

const ACCOUNT_PATH = "/account";
/** The cookie is for the browser to keep; when the session ends the server alone decides. */
const SESSION_COOKIE_SECONDS = 12 * 3_600;
const TENANT_COOKIE_SECONDS = 365 * 86_400;
const ONE_ANSWER = { exposeHeadRoute: false } as const;

/** What a form is shown with again, after something was refused. */
interface Refused {
  readonly refusal: RefusalText | null;
  readonly error: CodedError | null;
}

const NOTHING: Refused = { refusal: null, error: null };

/**
 * The pages where people sign in: `/sign-in` by password, `/sign-in/provider` and its callback by an OpenID provider,
 * `/join` with an invitation. All lead to `/account` and nowhere else.
 */
export function registerSignIn(scope: FastifyInstance, app: App): void {
  scope.get("/sign-in", async (request, reply) => showSignIn(app, request, reply, NOTHING));
  scope.post("/sign-in", async (request, reply) => {
    const form = formOf(request);
    const attempt = { tenantId: fieldOf(form, "tenant"), email: fieldOf(form, "email") };
    return refusing(
      async () => {
        const password = fieldOf(form, "password");
        return enter(app, reply, await signInWithPassword(app, originOf(app, request), { ...attempt, password }));
      },
      { unauthenticated: "wrong", show: (refused) => showSignIn(app, request, reply, refused, attempt) },
    );
  });
  scope.get("/sign-in/provider", ONE_ANSWER, async (request, reply) => {
    const invitation = parameter(request, "invitation") ?? null;
    const invitee = invitation === null ? null : await invitedBy(app, invitation);
    if (invitation !== null && invitee === null) return showJoin(app, request, reply, NOTHING);
    const tenantId = invitee?.tenantId ?? parameter(request, "tenant") ?? "";
    const { url, sealed } = await beginAtProvider(app, { tenantId, invitation });
    setCookie(app, reply, "provider", { value: sealed, seconds: PROVIDER_SIGN_IN_SECONDS });
    return reply.redirect(url, 303);
  });
  scope.get(CALLBACK_PATH, ONE_ANSWER, async (request, reply) => {
    const sealed = cookieIn(app, request.raw, "provider");
    const query = request.url.split("?")[1] ?? "";
    setCookie(app, reply, "provider", { value: "", seconds: 0 });
    return enter(app, reply, await concludeAtProvider(app, originOf(app, request), { query, sealed }));
  });
  registerJoining(scope, app);
}

function registerJoining(scope: FastifyInstance, app: App): void {
  scope.get("/join", async (request, reply) => showJoin(app, request, reply, NOTHING));
  scope.post("/join", async (request, reply) => {
    const form = formOf(request);
    const [invitation, password] = [fieldOf(form, "invitation"), fieldOf(form, "password")];
    const show = (refused: Refused) => showJoin(app, request, reply, refused, invitation);
    if (password !== fieldOf(form, "repeated")) return show({ refusal: "different", error: null });
    return refusing(
      async () => enter(app, reply, await joinWithPassword(app, originOf(app, request), { invitation, password })),
      { unauthenticated: "invitationOver", show },
    );
  });
}

/** Runs what a form asks for; where it is refused the form is shown again, saying so. */
export async function refusing(
  work: () => Promise<FastifyReply>,
  { unauthenticated, show }: { unauthenticated: RefusalText; show: (refused: Refused) => Promise<FastifyReply> },
): Promise<FastifyReply> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    return show({ refusal: refusalText(error, unauthenticated), error });
  }
}

/** A field of a form; the empty text where it was not sent. */
export function fieldOf(form: Form, name: string): string {
  return form.get(name) ?? "";
}

async function showSignIn(
  app: App,
  request: FastifyRequest,
  reply: FastifyReply,
  { refusal, error }: Refused,
  given: { readonly tenantId: string; readonly email: string } = { tenantId: "", email: "" },
): Promise<FastifyReply> {
  const named = [given.tenantId, parameter(request, "tenant"), cookieIn(app, request.raw, "tenant")];
  const tenantId = named.find((each) => each !== undefined && isId(each, "tnt")) ?? null;
  const facts = { ...pageFacts(app, request), refusal };
  const doors = tenantId === null ? { provider: null, takesPasswords: true } : await doorsOf(app, tenantId);
  return sendPage(reply, error, signInPage(facts, { tenantId, email: given.email, ...doors }));
}

async function showJoin(
  app: App,
  request: FastifyRequest,
  reply: FastifyReply,
  { refusal, error }: Refused,
  invitation = parameter(request, "invitation") ?? "",
): Promise<FastifyReply> {
  const user = await invitedBy(app, invitation);
  const facts = { ...pageFacts(app, request), refusal };
  if (user === null) {
    const over = error ?? serverError("UNAUTHENTICATED");
    return sendPage(reply, over, refusalPage({ ...facts, refusal: "invitationOver" }));
  }
  const { name: tenantName } = await tenantOf(app, user.tenantId);
  const doors = await doorsOf(app, user.tenantId);
  return sendPage(reply, error, joinPage(facts, { invitation, user, tenantName, ...doors }));
}

async function doorsOf(app: App, tenantId: string): Promise<Doors> {
  const provider = await providerFor(app, tenantId);
  return { provider: provider?.name ?? null, takesPasswords: provider?.allowsPasswords ?? true };
}

/** Gives the browser its session, remembers the tenant and the person for the next time, and leads on. */
function enter(app: App, reply: FastifyReply, { secret, tenantId, userId }: StartedSession): FastifyReply {
  setCookie(app, reply, "session", { value: secret, seconds: SESSION_COOKIE_SECONDS });
  setCookie(app, reply, "tenant", { value: tenantId, seconds: TENANT_COOKIE_SECONDS });
  setCookie(app, reply, "device", { value: sealedDevice(app, { tenantId, userId }), seconds: DEVICE_SECONDS });
  return reply.redirect(ACCOUNT_PATH, 303);
}

function originOf(app: App, request: FastifyRequest): SignInOrigin {
  const { id: requestId, traceparent, ip: address, headers } = request;
  const device = cookieIn(app, request.raw, "device") ?? null;
  return { requestId, traceparent, address, agent: headers["user-agent"] ?? "", device };
}
