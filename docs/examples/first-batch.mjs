// node first-batch.mjs URL CLIENT_ID KEY_FILE
// Signs and submits a bet and its win with Node's own crypto and nothing else. The key file is an Ed25519 JWK, as
// `quittance keygen` writes it.
import { createPrivateKey, randomUUID, sign } from "node:crypto";
import { readFileSync } from "node:fs";

const [url, clientId, keyFile] = process.argv.slice(2);
const jwk = JSON.parse(readFileSync(keyFile, "utf8"));
const privateKey = createPrivateKey({ key: jwk, format: "jwk" });

// 1. An access token, for an assertion signed by our key
const { issuer, token_endpoint } = await getJson(`${url}/.well-known/oauth-authorization-server`);
const assertion = { iss: clientId, sub: clientId, aud: issuer, jti: randomUUID(), iat: now(), exp: now() + 60 };
const { access_token } = await getJson(token_endpoint, {
  method: "POST",
  body: new URLSearchParams({
    grant_type: "client_credentials",
    client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    client_assertion: signed("JWT", assertion),
  }),
});

// 2. Who we are
const { viewer } = await graphql("{ viewer { tenant { id } partner { id currencies } } }");

// 3. A signed batch
const round = randomUUID();
const play = {
  product: "crash",
  round,
  player: "34dea495d98d3f86",
  currency: viewer.partner.currencies[0],
  occurredAt: new Date().toISOString(),
};
const batch = {
  iss: viewer.partner.id,
  aud: viewer.tenant.id,
  jti: randomUUID(),
  iat: now(),
  transactions: [
    { ...play, id: `${round}-B`, kind: "BET", amount: "1" },
    { ...play, id: `${round}-W`, kind: "WIN", amount: "2", roundClosed: true },
  ],
};
const { submitBatch } = await graphql(
  `mutation Submit($jws: String!) {
    submitBatch(input: { jws: $jws }) {
      replayed
      receipt
      batch { id state postedCount refusedCount outcomes { edges { node { index outcome code path } } } }
    }
  }`,
  { jws: signed("quittance-batch+jws", batch) },
);
process.stdout.write(`${JSON.stringify(submitBatch, null, 2)}\n`);

/** Compact JWS: header, payload and signature in base64url. What is signed is the text before the second dot. */
function signed(typ, payload) {
  const text = `${base64url({ alg: "EdDSA", kid: jwk.kid, typ })}.${base64url(payload)}`;
  return `${text}.${sign(null, Buffer.from(text), privateKey).toString("base64url")}`;
}

function base64url(value) {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

/** Seconds since 1970. */
function now() {
  return Math.floor(Date.now() / 1000);
}

async function graphql(query, variables) {
  const headers = { authorization: `Bearer ${access_token}`, "content-type": "application/json" };
  const body = JSON.stringify({ query, variables });
  const { data, errors } = await getJson(`${url}/graphql`, { method: "POST", headers, body });
  if (errors !== undefined) throw new Error(JSON.stringify(errors, null, 2));
  return data;
}

async function getJson(address, options) {
  return (await fetch(address, options)).json();
}
