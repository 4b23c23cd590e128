import { webcrypto } from "node:crypto";
import * as oauth from "oauth4webapi";
import * as openid from "openid-client";
import { describe, expect, test } from "vitest";
import { testApi } from "../support/api.js";
import { testApp } from "../support/app.js";
import { type KeyedClient, settle } from "./place.js";
import type { TestKey } from "./signing.js";

const app = await testApp();
const api = await testApi(app);
const issuer = new URL(app.config.publicUrl);
const insecure = { [oauth.allowInsecureRequests]: true };
const VIEWER = JSON.stringify({ query: "{ viewer { clientId } }" });
const JSON_HEADERS = { "content-type": "application/json" };
const RESOURCE = new URL(`${api.url}/graphql`);

const ALGORITHMS: Readonly<Record<string, object>> = {
  Ed25519: { name: "Ed25519" },
  ES256: { name: "ECDSA", namedCurve: "P-256" },
  ES384: { name: "ECDSA", namedCurve: "P-384" },
  PS256: { name: "RSA-PSS", hash: "SHA-256" },
};

/** A private key as these libraries take it. */
async function cryptoKey({ privateKey, alg }: TestKey): Promise<webcrypto.CryptoKey> {
  const pkcs8 = privateKey.export({ format: "der", type: "pkcs8" });
  return webcrypto.subtle.importKey("pkcs8", pkcs8, ALGORITHMS[alg] as { name: string }, false, ["sign"]);
}

const clientWith = async (alg: string) => (await settle(app)).client(["audit:read"], null, alg);

describe("oauth4webapi", () => {
  const discovered = async () => {
    const response = await oauth.discoveryRequest(issuer, { algorithm: "oauth2", ...insecure });
    return oauth.processDiscoveryResponse(issuer, response);
  };
  const authOf = async ({ key }: KeyedClient) => oauth.PrivateKeyJwt({ key: await cryptoKey(key), kid: key.kid });

  test.each(Object.keys(ALGORITHMS))("gets a token with private_key_jwt by %s, uses and revokes it", async (alg) => {
    const keyed = await clientWith(alg);
    const [as, client, auth] = [await discovered(), { client_id: keyed.client.id }, await authOf(keyed)];
    const answer = await oauth.clientCredentialsGrantRequest(as, client, auth, { scope: "audit:read" }, insecure);
    const granted = await oauth.processClientCredentialsResponse(as, client, answer);
    expect(granted).toMatchObject({ token_type: "bearer", scope: "audit:read", expires_in: 600 });
    const use = () => {
      const headers = new Headers(JSON_HEADERS);
      return oauth.protectedResourceRequest(granted.access_token, "POST", RESOURCE, headers, VIEWER, insecure);
    };
    expect(await (await use()).json()).toEqual({ data: { viewer: { clientId: keyed.client.id } } });
    const revoked = await oauth.revocationRequest(as, client, auth, granted.access_token, insecure);
    expect(await oauth.processRevocationResponse(revoked)).toBeUndefined();
    await expect(use()).rejects.toMatchObject({
      cause: [{ scheme: "bearer", parameters: { error: "invalid_token", error_description: expect.any(String) } }],
    });
  });

  test.each(["Ed25519", "ES256", "PS256"])(
    "gets a token bound to a key of %s, and new nonces as it goes",
    async (alg) => {
      const keyed = await clientWith("ES256");
      const [as, client, auth] = [await discovered(), { client_id: keyed.client.id }, await authOf(keyed)];
      const pair = await oauth.generateKeyPair(alg);
      const DPoP = oauth.DPoP({}, pair);
      const ask = async () => {
        const response = await oauth.clientCredentialsGrantRequest(as, client, auth, {}, { DPoP, ...insecure });
        return oauth.processClientCredentialsResponse(as, client, response);
      };
      const challenged = await ask().catch((error: unknown) => error);
      expect(oauth.isDPoPNonceError(challenged)).toBe(true);
      const granted = await ask();
      expect(granted).toMatchObject({ token_type: "dpop" });
      const use = (options: oauth.ProtectedResourceRequestOptions) => {
        const headers = new Headers(JSON_HEADERS);
        return oauth.protectedResourceRequest(granted.access_token, "POST", RESOURCE, headers, VIEWER, {
          ...insecure,
          ...options,
        });
      };
      for (let times = 0; times < 3; times++) {
        expect(await (await use({ DPoP })).json()).toEqual({ data: { viewer: { clientId: keyed.client.id } } });
      }
      await expect(use({})).rejects.toMatchObject({
        cause: [{ scheme: "bearer", parameters: { error: "invalid_token" } }],
      });
      const stranger = oauth.DPoP({}, await oauth.generateKeyPair(alg));
      await expect(use({ DPoP: stranger })).rejects.toMatchObject({ status: 401 });
      const forgetful = oauth.DPoP({}, pair);
      expect(oauth.isDPoPNonceError(await use({ DPoP: forgetful }).catch((error: unknown) => error))).toBe(true);
      expect((await use({ DPoP: forgetful })).status).toBe(200);
    },
  );

  test("is told by code what is wrong", async () => {
    const [keyed, another] = [await clientWith("ES256"), await clientWith("ES256")];
    const [as, client, auth] = [await discovered(), { client_id: keyed.client.id }, await authOf(keyed)];
    const ask = async (by: oauth.ClientAuth, form: Record<string, string>) => {
      const response = await oauth.clientCredentialsGrantRequest(as, client, by, form, insecure);
      return oauth.processClientCredentialsResponse(as, client, response);
    };
    await expect(ask(auth, { scope: "nonsense" })).rejects.toMatchObject({ error: "invalid_scope", status: 400 });
    const wrong = ask(await authOf(another), {});
    await expect(wrong).rejects.toMatchObject({ error: "invalid_client", status: 401 });
    const theirs = await ask(auth, {});
    const taken = await oauth.revocationRequest(
      ...([as, { client_id: another.client.id }, await authOf(another), theirs.access_token, insecure] as const),
    );
    await expect(oauth.processRevocationResponse(taken)).rejects.toMatchObject({ error: "invalid_grant", status: 400 });
    const basic = ask(oauth.ClientSecretBasic("secret"), {});
    await expect(basic).rejects.toMatchObject({ cause: [{ scheme: "basic" }] });
  });
});

describe("openid-client", () => {
  const configured = async (alg: string) => {
    const keyed = await clientWith(alg);
    const auth = openid.PrivateKeyJwt({ key: await cryptoKey(keyed.key), kid: keyed.key.kid });
    const execute = [openid.allowInsecureRequests];
    return openid.discovery(issuer, keyed.client.id, undefined, auth, { algorithm: "oauth2", execute });
  };

  test.each(["Ed25519", "ES384"])("gets, uses and revokes a token by %s", async (alg) => {
    const config = await configured(alg);
    const { access_token } = await openid.clientCredentialsGrant(config, { scope: "audit:read" });
    const use = () =>
      openid.fetchProtectedResource(config, access_token, RESOURCE, "POST", VIEWER, new Headers(JSON_HEADERS));
    expect((await use()).status).toBe(200);
    await openid.tokenRevocation(config, access_token);
    await expect(use()).rejects.toMatchObject({ cause: [{ parameters: { error: "invalid_token" } }] });
  });

  test("does DPoP by itself: takes the nonce it is told, binds the token, and proves at every request", async () => {
    const config = await configured("ES256");
    const DPoP = openid.getDPoPHandle(config, await openid.randomDPoPKeyPair());
    const granted = await openid.clientCredentialsGrant(config, {}, { DPoP });
    expect(granted.token_type).toBe("dpop");
    const args = [config, granted.access_token, RESOURCE, "POST", VIEWER, new Headers(JSON_HEADERS)] as const;
    expect((await openid.fetchProtectedResource(...args, { DPoP })).status).toBe(200);
    await expect(openid.fetchProtectedResource(...args)).rejects.toMatchObject({ status: 401 });
  });
});
