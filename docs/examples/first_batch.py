# python3 first_batch.py URL CLIENT_ID KEY_FILE
# Signs and submits a bet with jwcrypto (Debian: python3-jwcrypto). The key file is a JWK, as `quittance keygen` writes it.
import json
import sys
import time
import urllib.parse
import urllib.request
import uuid

from jwcrypto import jwk, jws

url, client_id, key_file = sys.argv[1:4]
with open(key_file) as file:
    document = json.load(file)
key = jwk.JWK(**document)


def signed(typ, payload):
    """Compact JWS under the key's own algorithm."""
    token = jws.JWS(json.dumps(payload))
    token.add_signature(key, protected=json.dumps({"alg": document["alg"], "kid": document["kid"], "typ": typ}))
    return token.serialize(compact=True)


def fetch(address, body=None, **headers):
    with urllib.request.urlopen(urllib.request.Request(address, body, headers)) as answer:
        return json.load(answer)


def graphql(query, **variables):
    body = json.dumps({"query": query, "variables": variables}).encode()
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    answer = fetch(f"{url}/graphql", body, **headers)
    if "errors" in answer:
        raise SystemExit(json.dumps(answer["errors"], indent=2))
    return answer["data"]


# 1. An access token, for an assertion signed by our key
now = int(time.time())
server = fetch(f"{url}/.well-known/oauth-authorization-server")
times = {"iat": now, "exp": now + 60}
assertion = {"iss": client_id, "sub": client_id, "aud": server["issuer"], "jti": str(uuid.uuid4()), **times}
form = {
    "grant_type": "client_credentials",
    "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    "client_assertion": signed("JWT", assertion),
}
token = fetch(server["token_endpoint"], urllib.parse.urlencode(form).encode())["access_token"]

# 2. Who we are
viewer = graphql("{ viewer { tenant { id } partner { id currencies } } }")["viewer"]

# 3. A signed batch
bet = {
    "id": str(uuid.uuid4()),
    "kind": "BET",
    "product": "crash",
    "amount": "1",
    "currency": viewer["partner"]["currencies"][0],
    "occurredAt": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
}
batch = {
    "iss": viewer["partner"]["id"],
    "aud": viewer["tenant"]["id"],
    "jti": str(uuid.uuid4()),
    "iat": int(time.time()),
    "transactions": [bet],
}
mutation = """mutation Submit($jws: String!) {
  submitBatch(input: { jws: $jws }) {
    replayed
    receipt
    batch { id state postedCount refusedCount outcomes { edges { node { index outcome code path } } } }
  }
}"""
print(json.dumps(graphql(mutation, jws=signed("quittance-batch+jws", batch))["submitBatch"], indent=2))
