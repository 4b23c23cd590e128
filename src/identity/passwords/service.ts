import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from "node:crypto";
import { judgedNetwork } from "../../kernel/network.js";
import { FairPlaces } from "../../platform/fair-places.js";
import type { DeviceOwner } from "../devices/service.js";
import { userError } from "../users/errors.js";

/**
 * Cost of a password: scrypt (RFC 7914) with N = 2^15, r = 8, p = 3, which OWASP's Password Storage Cheat Sheet names
 * beside N = 2^17, p = 1, and which takes 32 MiB instead of 128 for each that is checked at once.
 */
const COST: ScryptOptions & { readonly N: number; readonly r: number; readonly p: number } = {
  ...{ N: 2 ** 15, r: 8, p: 3 },
  maxmem: 64 * 1024 * 1024,
};
const SALT_BYTES = 16;
const HASH_BYTES = 32;
const RETRY_AFTER_MS = 2_000;
/**
 * Passwords in work share four threads with everything else; networks take turns, so that none shuts others out, and
 * those who are known have a queue of their own, so that no number of networks does; there tenants take turns, and the
 * people of each among themselves, so that no number of accounts does, either.
 */
const places = new FairPlaces({ atWorkMax: 2, waitingMax: 30 });
const FORM = /^scrypt\$(\d{1,2})\$(\d{1,2})\$(\d{1,2})\$([A-Za-z0-9_-]{22})\$([A-Za-z0-9_-]{43})$/;

/** A password as somebody sent it. */
export interface SentPassword {
  readonly password: string;
  /** Where it comes from; null from ourselves. */
  readonly address: string | null;
  /** Whose it is, where whoever sends it has shown so by a session, an invitation or a browser; null for a stranger. */
  readonly knownAs: DeviceOwner | null;
}

/** A password's hash as it is stored: `scrypt$15$8$3$salt$hash`, N as its logarithm. Refuses when too many wait. */
export async function passwordHash(sent: SentPassword): Promise<string> {
  const salt = randomBytes(SALT_BYTES);
  const hash = await derived(sent, salt, COST);
  return ["scrypt", Math.log2(COST.N), COST.r, COST.p, salt.toString("base64url"), hash.toString("base64url")].join(
    "$",
  );
}

/**
 * Whether a password is the one of a stored hash. Null for the hash, where nobody is known or no password is taken,
 * costs the same and is never right. Refuses (`RATE_LIMITED`) when too many wait.
 */
export async function isPassword(sent: SentPassword, stored: string | null): Promise<boolean> {
  const [, logN = "", r = "", p = "", salt = "", hash = ""] = FORM.exec(stored ?? "") ?? [];
  const isStored = hash !== "";
  const cost = isStored ? { ...COST, N: 2 ** Number(logN), r: Number(r), p: Number(p) } : COST;
  const saltBytes = isStored ? Buffer.from(salt, "base64url") : Buffer.alloc(SALT_BYTES);
  const found = await derived(sent, saltBytes, cost);
  return isStored && timingSafeEqual(found, Buffer.from(hash, "base64url"));
}

function derived({ password, address, knownAs }: SentPassword, salt: Buffer, cost: ScryptOptions): Promise<Buffer> {
  const compute = () =>
    new Promise<Buffer>((resolve, reject) => {
      scrypt(password.normalize("NFC"), salt, HASH_BYTES, cost, (error, key) => (error ? reject(error) : resolve(key)));
    });
  const network = address === null ? "" : judgedNetwork(address);
  const lanes = knownAs === null ? [network] : [knownAs.tenantId, knownAs.userId];
  return places.run({ lanes, isKnown: knownAs !== null }, compute, () =>
    userError("RATE_LIMITED", { retryAfterMs: RETRY_AFTER_MS }),
  );
}
