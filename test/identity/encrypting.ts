import { createPublicKey, type KeyObject } from "node:crypto";
import { CompactEncrypt, type CompactJWEHeaderParameters } from "jose";
import { readEncryptedHeader } from "../../src/identity/encryption/service.js";
import { newKeyPair } from "../../src/kernel/key-pairs.js";

/** A pair that documents are encrypted for. */
export interface EncryptionPair {
  readonly kid: string;
  readonly privateKey: KeyObject;
  readonly publicJwk: Readonly<Record<string, unknown>>;
}

const MAKERS = {
  "P-256": () => newKeyPair("ec", { namedCurve: "P-256" }).privateKey,
  "P-384": () => newKeyPair("ec", { namedCurve: "P-384" }).privateKey,
  X25519: () => newKeyPair("x25519").privateKey,
  RSA: () => newKeyPair("rsa", { modulusLength: 2_048 }).privateKey,
};

/** A new pair of that kind. */
export function newPair(kind: keyof typeof MAKERS, kid = "enc-1"): EncryptionPair {
  const privateKey = MAKERS[kind]();
  return { kid, privateKey, publicJwk: { ...createPublicKey(privateKey).export({ format: "jwk" }), kid, use: "enc" } };
}

/** Every `alg` and `enc` there may be, with the kind of key it is for. */
export const PAIRS = (
  [
    ["ECDH-ES", "P-256"],
    ["ECDH-ES", "P-384"],
    ["ECDH-ES", "X25519"],
    ["ECDH-ES+A256KW", "P-256"],
    ["ECDH-ES+A256KW", "P-384"],
    ["ECDH-ES+A256KW", "X25519"],
    ["RSA-OAEP-256", "RSA"],
  ] as const
).flatMap(([alg, kind]) => (["A256GCM", "A256CBC-HS512"] as const).map((enc) => [alg, kind, enc] as const));

/** The type of what the tests put inside. */
export const CTY = "quittance-batch+jws";

/** What an independent library makes for a key, under that header. */
export function joseEncrypt(
  text: string | Uint8Array,
  { kid, privateKey }: Pick<EncryptionPair, "kid" | "privateKey">,
  header: CompactJWEHeaderParameters,
): Promise<string> {
  return new CompactEncrypt(typeof text === "string" ? new TextEncoder().encode(text) : text)
    .setProtectedHeader({ kid, cty: CTY, ...header })
    .encrypt(createPublicKey(privateKey));
}

/** The header of a JWE in form. */
export function headerOf(jwe: string) {
  const header = readEncryptedHeader(jwe, CTY);
  if ("check" in header) throw new Error(`the header is refused: ${header.check}`);
  return header;
}

/** The parts of a compact JWE, with the bytes of one changed. */
export function withPart(jwe: string, at: number, change: (bytes: Buffer) => Uint8Array): string {
  const parts = jwe.split(".");
  const changed = change(Buffer.from(parts[at] ?? "", "base64url"));
  return parts.map((part, index) => (index === at ? Buffer.from(changed).toString("base64url") : part)).join(".");
}

/** The header, with members put over it, or any text at all in its place. */
export function withHeader(jwe: string, over: Readonly<Record<string, unknown>> | string): string {
  return withPart(jwe, 0, (bytes) =>
    Buffer.from(typeof over === "string" ? over : JSON.stringify({ ...JSON.parse(bytes.toString()), ...over })),
  );
}
