"""Encrypts a signed batch with jwcrypto: reads {"jwk", "jws", "header"} as JSON, prints the compact JWE."""
import json
import sys

from jwcrypto import jwe, jwk

asked = json.load(sys.stdin)
token = jwe.JWE(asked["jws"].encode(), json.dumps(asked["header"]), algs=[asked["header"]["alg"], asked["header"]["enc"]])
token.add_recipient(jwk.JWK(**asked["jwk"]))
print(token.serialize(compact=True))
