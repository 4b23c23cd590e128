import { createPublicKey, type KeyObject } from "node:crypto";
import { CompactEncrypt, compactDecrypt, errors, importJWK, type JWK } from "jose";
import { present } from "../../kernel/assert.js";
import { parseStrictJson, StrictJsonFault } from "../../kernel/strict-json.js";
import {
  CONTENT_ENCRYPTIONS,
  type EncryptedHeader,
  type Encryption,
  EncryptionCheck,
  type EncryptionFault,
  KEY_ENCRYPTIONS,
  type KeyEncryption,
  type RecipientKey,
} from "./entities.js";

/** Five parts: a JWS has three. */
export function isEncrypted(text: string): boolean {
  let dots = 0;
  for (let at = text.indexOf("."); at !== -1 && dots <= DOTS; at = text.indexOf(".", at + 1)) dots += 1;
  return dots === DOTS;
}

/**
 * Reads the protected header of a compact JWE whose content must be of type `cty`, and nothing else of it: a few
 * hundred characters, however long the rest.
 */
export function readEncryptedHeader(jwe: string, cty: string): EncryptedHeader | EncryptionFault {
  const end = jwe.indexOf(".");
  if (!isEncrypted(jwe) || end > HEADER_CHARS_MAX) return { check: EncryptionCheck.PARTS };
  const bytes = decodedPart(jwe.slice(0, end));
  if (bytes === null) return { check: EncryptionCheck.BASE64URL };
  const header = objectIn(bytes);
  return header === null ? { check: EncryptionCheck.HEADER_JSON } : checkedHeader(header, cty);
}

/**
 * Opens a compact JWE whose header `readEncryptedHeader` answered, with one private key. Whatever is wrong behind the
 * header's form gets one answer (`DECRYPTION`), after a decryption with that key or with a random one (RFC 7516,
 * section 11.5); the tag is checked before any padding.
 */
export async function openEncrypted(
  jwe: string,
  { alg, enc, kid }: EncryptedHeader,
  key: KeyObject,
): Promise<Buffer | EncryptionFault> {
  if (jwe.split(".").some((part) => decodedPart(part) === null)) return { check: EncryptionCheck.BASE64URL, kid };
  try {
    const { plaintext } = await compactDecrypt(jwe, key, {
      ...{ keyManagementAlgorithms: [alg], contentEncryptionAlgorithms: [enc], maxDecompressedLength: 0 },
    });
    return Buffer.from(plaintext.buffer, plaintext.byteOffset, plaintext.length);
  } catch (error) {
    if (error instanceof errors.JOSEError) return { check: EncryptionCheck.DECRYPTION, kid };
    throw error;
  }
}

/** Text or bytes as a compact JWE for one key: its header names the key, and what is inside. */
export async function encryptFor(
  { kid, publicJwk }: RecipientKey,
  content: string | Uint8Array,
  how: Encryption,
): Promise<string> {
  const { kty = "", crv, x, y, n, e } = publicJwk as JWK;
  const { cty, alg = present(STRONGEST[kty], "a kind of key that encrypts"), enc = "A256GCM" } = how;
  const material = Object.entries({ kty, crv, x, y, n, e }).filter(([, value]) => value !== undefined);
  const key = await importJWK(Object.fromEntries(material), alg); // without `alg` and `use`, which name one of several
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  return new CompactEncrypt(bytes).setProtectedHeader({ alg, enc, kid, cty }).encrypt(key);
}

const DOTS = 4;
const HEADER_CHARS_MAX = 2_048;
const HEADER_MEMBERS: ReadonlySet<string> = new Set(["alg", "enc", "kid", "cty", "typ", "epk", "apu", "apv"]);
/** Said of any compact JWE (RFC 7516, section 4.1.11), so it says nothing. */
const TYPES: readonly unknown[] = [undefined, "JOSE"];
const KID = /^[\x21-\x7e]{1,128}$/;
const MEMBER = /^[A-Za-z0-9_#.-]{1,32}$/;

function checkedHeader(header: Readonly<Record<string, unknown>>, expected: string): EncryptedHeader | EncryptionFault {
  const { alg, enc, kid, cty, typ, epk, apu, apv } = header;
  const named = typeof kid === "string" && KID.test(kid) ? { kid } : {};
  const other = Object.keys(header).find((name) => !HEADER_MEMBERS.has(name));
  if (other !== undefined) return { check: EncryptionCheck.HEADER_MEMBER, ...named, ...nameable(other) };
  const keyEncryption = KEY_ENCRYPTIONS.find((known) => known === alg);
  if (keyEncryption === undefined) return { check: EncryptionCheck.ALG, ...named };
  const contentEncryption = CONTENT_ENCRYPTIONS.find((known) => known === enc);
  if (contentEncryption === undefined) return { check: EncryptionCheck.ENC, ...named };
  if (named.kid === undefined) return { check: EncryptionCheck.KID };
  if (cty !== expected || !TYPES.includes(typ)) return { check: EncryptionCheck.CTY, ...named };
  if (!isAgreement(keyEncryption, { epk, apu, apv })) return { check: EncryptionCheck.EPK, ...named };
  return { alg: keyEncryption, enc: contentEncryption, kid: named.kid };
}

function nameable(member: string): { readonly member?: string } {
  return MEMBER.test(member) ? { member } : {};
}

/** What an agreement needs (RFC 7518, section 4.6.1), and what RSA has no use for. */
function isAgreement(alg: KeyEncryption, { epk, apu, apv }: Readonly<Record<"epk" | "apu" | "apv", unknown>>): boolean {
  if (alg === "RSA-OAEP-256") return [epk, apu, apv].every((member) => member === undefined);
  const isInfo = (info: unknown) => info === undefined || (typeof info === "string" && decodedPart(info) !== null);
  return isInfo(apu) && isInfo(apv) && (apu === undefined || apu !== apv) && isOnItsCurve(epk);
}

const CURVES: Readonly<Record<string, { readonly kty: string; readonly bytes: number; readonly names: string[] }>> = {
  "P-256": { kty: "EC", bytes: 32, names: ["x", "y"] },
  "P-384": { kty: "EC", bytes: 48, names: ["x", "y"] },
  X25519: { kty: "OKP", bytes: 32, names: ["x"] },
};

/** The one check that stands between an agreement and an invalid-curve attack (RFC 8725, section 3.4). */
function isOnItsCurve(epk: unknown): boolean {
  if (!isRecord(epk) || typeof epk["crv"] !== "string" || !Object.hasOwn(CURVES, epk["crv"])) return false;
  const curve = CURVES[epk["crv"]];
  if (curve === undefined || epk["kty"] !== curve.kty) return false;
  if (Object.keys(epk).length !== curve.names.length + 2) return false;
  if (!curve.names.every((name) => isCoordinate(epk[name], curve.bytes))) return false;
  try {
    createPublicKey({ key: epk, format: "jwk" }); // OpenSSL refuses what is not on the curve
    return true;
  } catch {
    return false;
  }
}

function isCoordinate(value: unknown, bytes: number): boolean {
  return typeof value === "string" && decodedPart(value)?.length === bytes;
}

/** The bytes of a part, empty or not, in strict base64url (RFC 7515, section 2); null for another spelling. */
function decodedPart(part: string): Buffer | null {
  const bytes = Buffer.from(part, "base64url"); // forgives padding, spaces and stray bits
  return bytes.toString("base64url") === part ? bytes : null;
}

function objectIn(bytes: Buffer): Readonly<Record<string, unknown>> | null {
  try {
    const value = parseStrictJson(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
    return isRecord(value) ? value : null;
  } catch (error) {
    if (error instanceof StrictJsonFault || error instanceof TypeError) return null; // no JSON, or no UTF-8
    throw error;
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const STRONGEST: Readonly<Record<string, KeyEncryption>> = {
  EC: "ECDH-ES+A256KW",
  OKP: "ECDH-ES+A256KW",
  RSA: "RSA-OAEP-256",
};
