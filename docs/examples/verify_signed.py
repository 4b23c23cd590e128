# python3 verify_signed.py FILE JWKS_FILE
# Prints what the platform signed (a receipt or a statement), or fails. Needs jwcrypto (Debian: python3-jwcrypto).
import json
import sys

from jwcrypto import jwk, jws

with open(sys.argv[1]) as file, open(sys.argv[2]) as keys_file:
    text, keys = file.read().strip(), jwk.JWKSet.from_json(keys_file.read())
signed = jws.JWS()
signed.deserialize(text)
kid = signed.jose_header["kid"]
signed.verify(keys.get_key(kid), alg="EdDSA")
with open(sys.argv[2]) as keys_file:
    if any("revoked" in key for key in json.load(keys_file)["keys"] if key["kid"] == kid):
        sys.exit("somebody else may have had the key: only a proof from the log shows that this is older")
print(signed.jose_header["typ"])
print(json.dumps(json.loads(signed.payload), indent=2))
