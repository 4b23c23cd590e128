import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import Provider from "oidc-provider";
import { freePort } from "../../src/server/roles/api.js";
import { type BrowserAnswer, openBrowser } from "./browser.js";

/** Our client at a provider of a test. */
export const CLIENT = { clientId: "quittance", clientSecret: "a secret of the test's own, long enough" } as const;

/** What a provider says of somebody besides `sub`. */
export interface Vouching {
  readonly email?: string;
  readonly email_verified?: boolean | string;
}

/** A provider on loopback. */
export interface TestProvider {
  readonly issuer: string;
  /** What it says of whom; by `sub`. */
  readonly accounts: Map<string, Vouching>;
  /** Signs somebody in there, in a fresh browser: from our request to the address that it leads back to. */
  visit(location: string, sub: string): Promise<URL>;
  close(): Promise<void>;
}

/** A whole OpenID provider (oidc-provider) that asks nobody for a password. */
export async function openProvider(redirectUri: string): Promise<TestProvider> {
  const port = await freePort();
  const issuer = `http://localhost:${port}`;
  const accounts = new Map<string, Vouching>();
  let whoever = "";
  const provider = new Provider(issuer, {
    clients: [{ client_id: CLIENT.clientId, client_secret: CLIENT.clientSecret, redirect_uris: [redirectUri] }],
    claims: { openid: ["sub"], email: ["email", "email_verified"], profile: [] },
    conformIdTokenClaims: false,
    cookies: { keys: ["a key of the test's own"] },
    features: { devInteractions: { enabled: false } },
    pkce: { required: () => true },
    interactions: { url: (_ctx, { uid }) => `/interaction/${uid}` },
    findAccount: (_ctx, sub) => ({ accountId: sub, claims: () => ({ sub, ...accounts.get(sub) }) }),
    loadExistingGrant: async ({ oidc }) => {
      const grant = new oidc.provider.Grant({
        clientId: oidc.client?.clientId ?? "",
        accountId: oidc.session?.accountId ?? "",
      });
      grant.addOIDCScope("openid email profile");
      await grant.save();
      return grant;
    },
  });
  const serve = provider.callback();
  const server = createServer((request, response) => {
    const isLogin = request.url?.startsWith("/interaction/") === true;
    void (isLogin
      ? provider.interactionFinished(request, response, { login: { accountId: whoever } })
      : serve(request, response));
  });
  await once(server.listen(port, "127.0.0.1"), "listening");
  return {
    issuer,
    accounts,
    async visit(location, sub) {
      whoever = sub;
      const browser = openBrowser(issuer);
      let answer: BrowserAnswer = await browser.get(location);
      for (let steps = 0; steps < 5; steps++) {
        const next = new URL(answer.headers.get("location") ?? "about:blank", issuer);
        if (next.origin !== issuer) return next;
        answer = await browser.get(next.pathname + next.search);
      }
      throw new Error(`the provider leads nowhere: ${answer.status} ${answer.text.slice(0, 300)}`);
    },
    close: () => closed(server),
  };
}

/** What a dishonest provider puts into its ID token otherwise. */
export interface Lie {
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly alg?: "none" | "HS256";
  /** Signed by a key that is not in its JWK Set. */
  readonly isForeignKey?: boolean;
  /** Its discovery document names another issuer. */
  readonly discoveredIssuer?: string;
}

/** A provider that answers every code with an ID token, true but for one lie. */
export async function openLiar(
  lie: { current: Lie },
  person: Readonly<Record<string, unknown>>,
): Promise<TestProvider> {
  const port = await freePort();
  const issuer = `http://localhost:${port}`;
  const [own, foreign] = [await generateKeyPair("RS256"), await generateKeyPair("RS256")];
  const jwk = { ...(await exportJWK(own.publicKey)), kid: "1", alg: "RS256", use: "sig" };
  let nonce = "";
  const documents: Record<string, () => unknown> = {
    "/.well-known/openid-configuration": () => ({
      ...{ issuer: lie.current.discoveredIssuer ?? issuer, authorization_endpoint: `${issuer}/auth` },
      ...{ token_endpoint: `${issuer}/token`, jwks_uri: `${issuer}/jwks`, response_types_supported: ["code"] },
      ...{ subject_types_supported: ["public"], id_token_signing_alg_values_supported: ["RS256", "HS256", "none"] },
    }),
    "/jwks": () => ({ keys: [jwk] }),
    "/token": async () => ({ access_token: "at", token_type: "Bearer", id_token: await idToken() }),
  };
  const idToken = async (): Promise<string> => {
    const { claims = {}, alg, isForeignKey = false } = lie.current;
    const now = Math.floor(Date.now() / 1_000);
    const said = { iss: issuer, aud: CLIENT.clientId, iat: now, exp: now + 60, nonce, ...person, ...claims };
    const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
    if (alg === "none") return `${part({ alg })}.${part(said)}.`;
    const token = new SignJWT(said).setProtectedHeader({ alg: alg ?? "RS256", kid: "1" });
    if (alg === "HS256") return token.sign(Buffer.from(jwk.n ?? ""));
    return token.sign(isForeignKey ? foreign.privateKey : own.privateKey);
  };
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    const answer = documents[request.url ?? ""]?.() ?? {};
    void Promise.resolve(answer).then((body) => {
      response.setHeader("content-type", "application/json").end(JSON.stringify(body));
    });
  });
  await once(server.listen(port, "127.0.0.1"), "listening");
  return {
    issuer,
    accounts: new Map(),
    async visit(location) {
      const asked = new URL(location).searchParams;
      nonce = asked.get("nonce") ?? "";
      const back = new URL(asked.get("redirect_uri") ?? "");
      back.search = new URLSearchParams({ code: "code", state: asked.get("state") ?? "" }).toString();
      return back;
    },
    close: () => closed(server),
  };
}

async function closed(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
}
