import { promisify } from "node:util";
import { gunzip, gunzipSync, gzipSync } from "node:zlib";
import { assert } from "../kernel/assert.js";

/** Compression that costs a millisecond for a thousand transactions; for a few it costs more than it brings. */
const GZIP = { level: 1 };
const SMALL_BYTES = 1_024;
/** The first byte of gzip (RFC 1952), which is none of text. */
const GZIP_MAGIC = 0x1f;
const NEWLINE = 0x0a;

/**
 * A compact JWS packed for storage: `<header>.<signature>`, a newline, and the decoded payload; gzipped unless it is
 * small. Base64url has one canonical spelling, which acceptance insists on, so `unpackEnvelope` gives back the very
 * bytes received.
 */
export function packEnvelope(jws: string): Buffer {
  const [header = "", payload = "", signature = ""] = jws.split(".");
  const head = Buffer.from(`${header}.${signature}\n`, "ascii");
  return packed(Buffer.concat([head, Buffer.from(payload, "base64url")]));
}

/** The compact JWS as it was received. */
export function unpackEnvelope(packed: Buffer): string {
  const { head, payload } = opened(unpacked(packed));
  const [header, signature] = head.split(".");
  return `${header}.${payload.toString("base64url")}.${signature}`;
}

/** The payload's bytes, as they were signed. */
export function packedPayload(packed: Buffer): Buffer {
  return opened(unpacked(packed)).payload;
}

/** The same of a large batch, unpacked beside the event loop. */
export async function largePayload(packed: Buffer): Promise<Buffer> {
  return opened(packed[0] === GZIP_MAGIC ? await gunzipBeside(packed) : packed).payload;
}

const gunzipBeside = promisify(gunzip);

/** Bytes as they are stored: gzipped unless they are few. */
export function packed(bytes: Buffer): Buffer {
  return bytes.length < SMALL_BYTES ? bytes : gzipSync(bytes, GZIP);
}

/** The bytes that were packed. */
export function unpacked(packed: Buffer): Buffer {
  return packed[0] === GZIP_MAGIC ? gunzipSync(packed) : packed;
}

function opened(bytes: Buffer): { readonly head: string; readonly payload: Buffer } {
  const end = bytes.indexOf(NEWLINE);
  assert(end > 0, "a stored envelope has a head");
  return { head: bytes.toString("ascii", 0, end), payload: bytes.subarray(end + 1) };
}
