import { createPrivateKey, createPublicKey, generateKeyPairSync, type JsonWebKey, type KeyObject } from "node:crypto";

/** Both halves of a key pair. */
export interface KeyPair {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

/** What a kind of key is made with: a curve (ec), the bits of the modulus and its exponent (rsa), or nothing. */
export interface KeyShape {
  readonly namedCurve?: "P-256" | "P-384";
  readonly modulusLength?: number;
  readonly publicExponent?: number;
}

/**
 * A new key pair. Its halves are read back from what was made: Node 20 frees what made a key whenever it collects
 * garbage, for which it takes the key's lock, and an `export` to JWK that is interrupted by that holds it: the process
 * would stand still for ever.
 */
export function newKeyPair(type: "ed25519" | "x25519" | "ec" | "rsa", shape: KeyShape = {}): KeyPair {
  const asJwk = { format: "jwk" } as const;
  const made: { privateKey: unknown } = generateKeyPairSync(type as "ec", {
    ...{ namedCurve: "", ...shape },
    ...({ privateKeyEncoding: asJwk, publicKeyEncoding: asJwk } as object),
  });
  const privateKey = createPrivateKey({ key: made.privateKey as JsonWebKey, format: "jwk" });
  return { privateKey, publicKey: createPublicKey(privateKey) };
}
