import { createHash, createHmac } from "node:crypto";

/** SHA-256 of bytes or of a text's UTF-8 bytes: 32 bytes. */
export function sha256(content: Uint8Array | string): Buffer {
  return createHash("sha256").update(content).digest();
}

/** SHA-256 in lower-case hexadecimal, as documents and acts spell it. */
export function sha256Hex(content: Uint8Array | string): string {
  return createHash("sha256").update(content).digest("hex");
}

/** The first 16 bytes of HMAC-SHA-256: how a pseudonym is stored under its tenant's key. */
export function keyedHash16(key: Uint8Array, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest().subarray(0, 16);
}

/** Leaf hash of a Merkle tree: SHA-256(0x00 || leaf) (RFC 6962, section 2.1). */
export function leafHash(leaf: Uint8Array | string): Buffer {
  return createHash("sha256").update(LEAF_MARK).update(leaf).digest();
}

const LEAF_MARK = Uint8Array.of(0);
