// node reply.mjs URL CLIENT_ID KEY_FILE STATEMENT_ID acknowledge
// node reply.mjs URL CLIENT_ID KEY_FILE STATEMENT_ID dispute REASON LINE [CLAIMED]
// Says by signature that a statement is right, or that a line of it is wrong, with Node's own crypto and nothing else.
import { createHash, createPrivateKey, randomUUID, sign } from "node:crypto";
import { readFileSync } from "node:fs";

const [url, clientId, keyFile, statementId, word, reason, line, claimed] = process.argv.slice(2);
const jwk = JSON.parse(readFileSync(keyFile, "utf8"));
const privateKey = createPrivateKey({ key: jwk, format: "jwk" });

// 1. An access token, as in first-batch.mjs
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

// 2. Who we are, and the statement with the hash of its signed document
const { viewer, statement } = await graphql(
  "query ($id: ID!) { viewer { tenant { id } partner { id } } statement(id: $id) { id jws } }",
  { id: statementId },
);
const reply = {
  iss: viewer.partner.id,
  aud: viewer.tenant.id,
  jti: randomUUID(), // keep it: the same document sent again answers the same
  iat: now(),
  statement: { id: statement.id, sha256: createHash("sha256").update(statement.jws).digest("hex") },
};

// 3. The signed reply
if (word === "acknowledge") {
  const jws = signed("quittance-acknowledgement+jws", reply);
  print(
    await graphql(
      "mutation ($jws: String!) { acknowledgeStatement(input: { jws: $jws }) { statement { state acknowledgedAt } } }",
      { jws },
    ),
  );
} else {
  const lines = [{ line: Number(line), ...(claimed === undefined ? {} : { claimed }) }];
  const jws = signed("quittance-dispute+jws", { ...reply, reason, lines });
  print(
    await graphql(
      "mutation ($jws: String!) { disputeStatement(input: { jws: $jws }) { dispute { id state statement { state } } } }",
      { jws },
    ),
  );
}

function print(answer) {
  process.stdout.write(`${JSON.stringify(answer, null, 2)}\n`);
}

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
