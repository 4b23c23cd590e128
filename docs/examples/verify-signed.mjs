// node verify-signed.mjs FILE JWKS_FILE
// Prints what the platform signed (a receipt or a statement), or fails. Node's own crypto and nothing else.
import { createPublicKey, verify } from "node:crypto";
import { readFileSync } from "node:fs";

const [jws, jwks] = process.argv.slice(2).map((file) => readFileSync(file, "utf8").trim());
const [header, payload, signature] = jws.split(".");
const { alg, kid, typ } = read(header);

const jwk = JSON.parse(jwks).keys.find((key) => key.kid === kid && key.crv === "Ed25519");
if (alg !== "EdDSA" || jwk === undefined) throw new Error(`there is no key ${kid} for ${alg}`);
const key = createPublicKey({ key: jwk, format: "jwk" });
const isSigned = verify(null, Buffer.from(`${header}.${payload}`), key, Buffer.from(signature, "base64url"));
if (!isSigned) throw new Error("the signature is not this key's");
if (jwk.revoked !== undefined)
  throw new Error("somebody else may have had the key: only the log shows that this is older");
process.stdout.write(`${typ}\n`);
process.stdout.write(`${JSON.stringify(read(payload), null, 2)}\n`);

function read(part) {
  return JSON.parse(Buffer.from(part, "base64url").toString("utf8"));
}
