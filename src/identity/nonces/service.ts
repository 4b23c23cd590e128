import { createHmac, timingSafeEqual } from "node:crypto";
import type { App } from "../../platform/app.js";
import { perApp } from "../../platform/per-app.js";

/** How long a nonce is good for. */
const NONCE_LIFE_MS = 300_000;
/** How far the clocks of two processes may be apart. */
const CLOCK_LEEWAY_MS = 30_000;
const PURPOSE = "dpop-nonce";
const [TIME_BYTES, MAC_BYTES] = [6, 16];

/** Every process derives the same key from the master key, so that each takes the nonces of all. */
const nonceKey = perApp(({ config }) => createHmac("sha256", config.masterKey).update(PURPOSE).digest());

/**
 * A new nonce for DPoP proofs (RFC 9449, section 8): when it was made, and a MAC over that. Nothing is stored: any
 * process takes it for five minutes.
 */
export function newNonce(app: App): string {
  const time = Buffer.alloc(TIME_BYTES);
  time.writeUIntBE(app.clock.now().getTime(), 0, TIME_BYTES);
  return Buffer.concat([time, macOf(app, time)]).toString("base64url");
}

/** When a nonce of ours was made, in milliseconds since 1970; null where it is none or is good no more. */
export function nonceMadeAt(app: App, nonce: string): number | null {
  const bytes = Buffer.from(nonce, "base64url");
  if (bytes.length !== TIME_BYTES + MAC_BYTES || bytes.toString("base64url") !== nonce) return null;
  const time = bytes.subarray(0, TIME_BYTES);
  if (!timingSafeEqual(bytes.subarray(TIME_BYTES), macOf(app, time))) return null;
  const madeAt = time.readUIntBE(0, TIME_BYTES);
  const ageMs = app.clock.now().getTime() - madeAt;
  return ageMs >= -CLOCK_LEEWAY_MS && ageMs < NONCE_LIFE_MS ? madeAt : null;
}

function macOf(app: App, time: Buffer): Buffer {
  return createHmac("sha256", nonceKey(app)).update(time).digest().subarray(0, MAC_BYTES);
}
