import { createHmac, hash, type KeyObject } from "node:crypto";

/** SHA-256 of bytes or of a text's UTF-8 bytes: 32 bytes. */
export function sha256(content: Uint8Array | string): Buffer {
  return hash("sha256", content, "buffer");
}

/** SHA-256 in lower-case hexadecimal, as documents and acts spell it. */
export function sha256Hex(content: Uint8Array | string): string {
  return hash("sha256", content, "hex");
}

/** The first 16 bytes of SHA-256, in lower-case hexadecimal: how hot tables name what is long. */
export function hash16Hex(content: Uint8Array | string): string {
  return hash("sha256", content, "hex").slice(0, 32);
}

/** The first 16 bytes of HMAC-SHA-256, in lower-case hexadecimal: a pseudonym under its tenant's key. */
export function keyedHash16Hex(key: KeyObject, text: string): string {
  return createHmac("sha256", key).update(text).digest("hex").slice(0, 32);
}

/** Leaf hash of a Merkle tree: SHA-256(0x00 || leaf) (RFC 6962, section 2.1). */
export function leafHash(leaf: Uint8Array | string): Buffer {
  return typeof leaf === "string"
    ? hash("sha256", `\0${leaf}`, "buffer")
    : hash("sha256", Buffer.concat([LEAF_MARK, leaf]), "buffer");
}

const LEAF_MARK = Uint8Array.of(0);
