import { createPublicKey } from "node:crypto";
import { readFile } from "node:fs/promises";
import { CompactSign, exportJWK, importJWK, type JWK } from "jose";
import { z } from "zod";

const PrivateJwk = z.looseObject({ kty: z.string(), kid: z.string(), alg: z.string() });

/** A client's private key. */
export interface SigningKey {
  readonly kid: string;
  readonly alg: string;
  /** Compact JWS (RFC 7515) under the header `alg`, `kid` and `typ`. */
  sign(payload: string, typ: string): Promise<string>;
  /** A DPoP proof of these claims, with the public half in its header. */
  prove(claims: string): Promise<string>;
}

/** The private JWK in a file, ready to sign; throws a sentence when it holds none with `kid` and `alg`. */
export async function readSigningKey(file: string): Promise<SigningKey> {
  const parsed = PrivateJwk.safeParse(JSON.parse(await readFile(file, "utf8")));
  if (!parsed.success || parsed.data["d"] === undefined) {
    throw new Error(`${file} is not a private JWK with "kid" and "alg"; "quittance keygen" makes one.`);
  }
  const jwk: JWK = parsed.data;
  const { kid, alg } = parsed.data;
  const key = await importJWK(jwk, alg);
  const sign = (payload: string, typ: string) =>
    new CompactSign(new TextEncoder().encode(payload)).setProtectedHeader({ alg, kid, typ }).sign(key);
  const publicJwk = await exportJWK(createPublicKey({ key: jwk, format: "jwk" }));
  const prove = (claims: string) =>
    new CompactSign(new TextEncoder().encode(claims))
      .setProtectedHeader({ typ: "dpop+jwt", alg, jwk: publicJwk })
      .sign(key);
  return { kid, alg, sign, prove };
}
