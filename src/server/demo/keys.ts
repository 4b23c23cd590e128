import { createPrivateKey, createPublicKey } from "node:crypto";
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { calculateJwkThumbprint } from "jose";
import { newKeyPair } from "../../kernel/key-pairs.js";

/**
 * Makes an Ed25519 key (a JWK, RFC 8037) in a file that only its owner may read, unless it is there; answers the public
 * half as JSON text, always the same for the same file.
 */
export async function ensureKey(file: string): Promise<string> {
  if (!existsSync(file)) {
    const { privateKey, publicKey } = newKeyPair("ed25519");
    const kid = await calculateJwkThumbprint(publicKey);
    const jwk = { ...privateKey.export({ format: "jwk" }), kid, alg: "EdDSA" };
    writeFileSync(`${file}.new`, `${JSON.stringify(jwk, null, 2)}\n`, { mode: 0o600 });
    renameSync(`${file}.new`, file);
  }
  const jwk = JSON.parse(readFileSync(file, "utf8"));
  const publicKey = createPublicKey(createPrivateKey({ key: jwk, format: "jwk" }));
  return JSON.stringify({ ...publicKey.export({ format: "jwk" }), kid: jwk.kid, alg: jwk.alg, use: "sig" });
}
