import {
  AuthorizationResponseError,
  authorizationCodeGrant,
  buildAuthorizationUrl,
  ClientError,
  calculatePKCECodeChallenge,
  ResponseBodyError,
  randomNonce,
  randomPKCECodeVerifier,
  randomState,
  WWWAuthenticateChallengeError,
} from "openid-client";
import { z } from "zod";
import { epochSeconds, later } from "../../kernel/clock.js";
import { isId } from "../../kernel/ids.js";
import type { App } from "../../platform/app.js";
import { isDuplicateKey, type Tx, transact } from "../../platform/database.js";
import { seal, unseal } from "../../platform/seal.js";
import { tenantOf } from "../../tenancy/service.js";
import { invitedBy, join, takeUp } from "../invitations/service.js";
import { clientOf, providerFor } from "../providers/service.js";
import { SignInMethod } from "../sessions/entities.js";
import type { StartedSession } from "../sessions/service.js";
import { countSignIn, personActor, type SignInOrigin, signIn } from "../sign-ins/service.js";
import { User, UserState } from "../users/entities.js";
import { userError } from "../users/errors.js";
import { emailOf } from "../users/rules.js";
import { lockUser } from "../users/service.js";

/** Where the provider sends people back to, under the public URL. */
export const CALLBACK_PATH = "/sign-in/callback";
/** How long somebody may take at the provider. */
export const PROVIDER_SIGN_IN_SECONDS = 600;

const SCOPE = "openid email profile";
const PURPOSE = "provider-sign-in";
const SUBJECT = /^[\x21-\x7e]{1,255}$/;
const STRANGER = "Nobody here is known by that sign-in; ask your administrator for an invitation.";

/** What a browser keeps, sealed, while its person is at the provider: it is the only one that may come back. */
const Pending = z.strictObject({
  tenantId: z.string(),
  issuer: z.string(),
  state: z.string(),
  nonce: z.string(),
  verifier: z.string(),
  invitation: z.string().nullable(),
  endsAt: z.number(),
});

/** Where to send a browser, and what it must bring back besides, in a cookie. */
export interface ProviderVisit {
  readonly url: string;
  readonly sealed: string;
}

/** Who a provider says somebody is. */
interface Vouched {
  readonly tenantId: string;
  readonly issuer: string;
  readonly subject: string;
  /** Only where the provider says that it verified it. */
  readonly email: string | null;
  readonly invitation: string | null;
}

/**
 * Begins signing in at the provider of a tenant: authorization code with PKCE, state and nonce (OpenID Connect Core
 * 1.0, section 3.1; RFC 9700). With an invitation it is taken up by whoever the provider names. `NOT_FOUND` where a
 * tenant has no provider, or is none.
 */
export async function beginAtProvider(
  app: App,
  { tenantId, invitation }: { readonly tenantId: string; readonly invitation: string | null },
): Promise<ProviderVisit> {
  const provider = isId(tenantId, "tnt") ? await providerFor(app, tenantId) : null;
  if (provider === null) throw userError("NOT_FOUND", { what: "sign-in provider" });
  const client = await clientOf(app, provider);
  const [state, nonce, verifier] = [randomState(), randomNonce(), randomPKCECodeVerifier()];
  const url = buildAuthorizationUrl(client, {
    ...{ redirect_uri: app.config.publicUrl + CALLBACK_PATH, scope: SCOPE, state, nonce },
    ...{ code_challenge: await calculatePKCECodeChallenge(verifier), code_challenge_method: "S256" },
  });
  const endsAt = epochSeconds(later(app.clock.now(), PROVIDER_SIGN_IN_SECONDS * 1_000));
  const pending = { tenantId, issuer: provider.issuer, state, nonce, verifier, invitation, endsAt };
  const sealed = seal(app.config.masterKey, Buffer.from(JSON.stringify(pending)), PURPOSE).toString("base64url");
  return { url: url.href, sealed };
}

/**
 * Concludes it: takes the code to the provider, verifies the ID token, and signs the person in whom (issuer, subject)
 * names, or at first an open invitation, or a verified e-mail address. Everything that does not hold is refused
 * (`UNAUTHENTICATED`); `UNAVAILABLE` while the provider cannot be reached.
 */
export async function concludeAtProvider(
  app: App,
  origin: SignInOrigin,
  { query, sealed }: { readonly query: string; readonly sealed: string | undefined },
): Promise<StartedSession> {
  try {
    const vouched = await vouchedBy(app, query, opened(app, sealed));
    const session = await signInAs(app, origin, vouched);
    countSignIn(app, SignInMethod.PROVIDER, "started");
    return session;
  } catch (error) {
    countSignIn(app, SignInMethod.PROVIDER, "refused");
    throw error;
  }
}

function opened(app: App, sealed: string | undefined): z.infer<typeof Pending> {
  const pending = sealed === undefined ? null : unsealed(app, sealed);
  if (pending !== null && pending.endsAt > epochSeconds(app.clock.now())) return pending;
  throw userError("UNAUTHENTICATED", { reason: "This sign-in was not begun in this browser, or took too long." });
}

function unsealed(app: App, sealed: string): z.infer<typeof Pending> | null {
  try {
    const text = unseal(app.config.masterKey, Buffer.from(sealed, "base64url"), PURPOSE).toString("utf8");
    return Pending.parse(JSON.parse(text));
  } catch {
    return null; // a cookie that we did not make is none
  }
}

async function vouchedBy(app: App, query: string, pending: z.infer<typeof Pending>): Promise<Vouched> {
  const { tenantId, issuer, state, nonce, verifier, invitation } = pending;
  const provider = await providerFor(app, tenantId);
  if (provider?.issuer !== issuer) throw notHolding();
  const client = await clientOf(app, provider);
  const currentUrl = new URL(app.config.publicUrl + CALLBACK_PATH);
  currentUrl.search = query;
  const checks = { expectedState: state, expectedNonce: nonce, pkceCodeVerifier: verifier, idTokenExpected: true };
  try {
    const claims = (await authorizationCodeGrant(client, currentUrl, checks)).claims();
    if (claims === undefined || !SUBJECT.test(claims.sub)) throw notHolding();
    const { sub: subject, email, email_verified: isVerified } = claims;
    const verified = isVerified === true && typeof email === "string" ? emailOf(email) : null;
    return { tenantId, issuer, subject, email: verified, invitation };
  } catch (error) {
    throw refusalFor(app, error);
  }
}

/** What the provider or the library refuses is the person's affair; what is neither is passed on. */
function refusalFor(app: App, error: unknown): unknown {
  const isRefused =
    error instanceof AuthorizationResponseError ||
    error instanceof ResponseBodyError ||
    error instanceof WWWAuthenticateChallengeError ||
    error instanceof ClientError;
  if (!isRefused) return error;
  app.log.warn({ err: error }, "sign-in: what came back from the provider does not hold");
  const isAway = error instanceof ClientError && error.code === "OAUTH_TIMEOUT";
  if (isAway) return userError("UNAVAILABLE", { reason: "The sign-in provider cannot be reached at the moment." });
  return notHolding();
}

async function signInAs(app: App, origin: SignInOrigin, vouched: Vouched): Promise<StartedSession> {
  const { tenantId, issuer, subject, invitation } = vouched;
  const tenant = await tenantOf(app, tenantId);
  const invitee = invitation === null ? null : await invitedBy(app, invitation);
  try {
    return await transact(app, async (tx) => {
      const found = invitation === null ? await knownAs(tx, vouched) : invitee;
      if (found === null) throw userError("UNAUTHENTICATED", { fault: "STRANGER", reason: STRANGER });
      const user = await lockUser(tx, tenantId, found.id);
      const actor = personActor(tenant, origin, user);
      const credential = { issuer, subject };
      if (invitation !== null) await takeUp(app, tx, actor, invitation, credential);
      else if (user.state === UserState.DISABLED)
        throw userError("UNAUTHENTICATED", { fault: "STRANGER", reason: STRANGER });
      else if (user.subject === null) await join(app, tx, actor, { user, credential });
      else if (user.subject !== subject || user.issuer !== issuer) throw notHolding();
      return signIn(app, tx, actor, SignInMethod.PROVIDER, origin);
    });
  } catch (error) {
    if (!isDuplicateKey(error)) throw error;
    throw userError("UNAUTHENTICATED", {
      fault: "STRANGER",
      reason: "That sign-in belongs to another person here already.",
    });
  }
}

/** By what the provider calls the person for good; the first time by an address that the provider verified. */
async function knownAs(tx: Tx, { tenantId, issuer, subject, email }: Vouched): Promise<User | null> {
  const known = await tx.findOneBy(User, { tenantId, issuer, subject });
  if (known !== null || email === null) return known;
  const written = await tx.findOneBy(User, { tenantId, email });
  return written?.subject === null ? written : null;
}

function notHolding(): Error {
  return userError("UNAUTHENTICATED", { reason: "What the sign-in provider answered does not hold; begin again." });
}
