import { createPublicKey } from "node:crypto";

/** Why a JWK cannot be registered. */
export enum KeyFault {
  /** Not a JWK of a public key at all. */
  MALFORMED = "MALFORMED",
  /** It holds private members; whoever sent it must throw the key away. */
  PRIVATE = "PRIVATE",
  /** A kind of key, curve or algorithm outside the closed list. */
  UNSUPPORTED = "UNSUPPORTED",
  /** `alg`, `use` or `key_ops` says that it is for something else. */
  PURPOSE = "PURPOSE",
  /** RSA under 2048 or over 4096 bits, a small exponent, a modulus known to be guessable, a point of small order. */
  WEAK = "WEAK",
  /** Not a point of its curve. */
  INVALID_POINT = "INVALID_POINT",
}

/** The members that make a key, by name; texts in strict base64url but for `kty` and `crv`. */
export type KeyMaterial = Readonly<Record<string, string>>;

const RSA_BITS_MIN = 2_048;
const RSA_BITS_MAX = 4_096;
const RSA_EXPONENT_MIN = 65_537n;
const RSA_EXPONENT_MAX = 2n ** 32n;

/** What is wrong with a point of P-256 or P-384, whose coordinates have so many bytes (RFC 7518, section 6.2.1). */
export function curveFault(jwk: KeyMaterial, coordinateBytes: number): KeyFault | null {
  if (["x", "y"].some((member) => bytesOf(jwk, member).length !== coordinateBytes)) return KeyFault.MALFORMED;
  try {
    createPublicKey({ key: jwk, format: "jwk" }); // OpenSSL refuses what is not on the curve
    return null;
  } catch {
    return KeyFault.INVALID_POINT;
  }
}

/** What is wrong with an RSA key (RFC 7518, section 6.3.1). */
export function rsaFault(jwk: KeyMaterial): KeyFault | null {
  const [modulusBytes, exponentBytes] = [bytesOf(jwk, "n"), bytesOf(jwk, "e")];
  // RFC 7518, section 6.3.1: no leading zeros.
  if (modulusBytes[0] === 0 || exponentBytes[0] === 0) return KeyFault.MALFORMED;
  const modulus = numberOf(modulusBytes);
  const exponent = numberOf(exponentBytes);
  const bits = modulus.toString(2).length;
  const isStrong =
    bits >= RSA_BITS_MIN &&
    bits <= RSA_BITS_MAX &&
    exponent >= RSA_EXPONENT_MIN &&
    exponent < RSA_EXPONENT_MAX &&
    exponent % 2n === 1n &&
    modulus % 2n === 1n;
  return isStrong && !hasRocaMark(modulus) ? null : KeyFault.WEAK;
}

/** Small primes modulo which moduli of the broken Infineon library are always powers of 65537 (CVE-2017-15361). */
const ROCA_PRIMES = [11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157];

function hasRocaMark(modulus: bigint): boolean {
  return ROCA_PRIMES.every((prime) => {
    const remainder = Number(modulus % BigInt(prime));
    let power = 1;
    do {
      if (power === remainder) return true;
      power = (power * 65_537) % prime;
    } while (power !== 1);
    return false;
  });
}

const FIELD = 2n ** 255n - 19n;
const D = modulo(-121_665n * inverse(121_666n));
/** A y coordinate of the points of order eight; the other one is its negative. */
const ORDER_EIGHT_Y = 0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7n;
const SMALL_ORDER_YS = [0n, 1n, FIELD - 1n, ORDER_EIGHT_Y, FIELD - ORDER_EIGHT_Y];

/**
 * What is wrong with a key of Ed25519. Decoding as RFC 8032, section 5.1.3: y below the prime, and a square x² = (y² −
 * 1) / (dy² + 1).
 */
export function ed25519Fault(jwk: KeyMaterial): KeyFault | null {
  const y = littleEndian255(jwk);
  if (y === null) return KeyFault.MALFORMED;
  if (y >= FIELD) return KeyFault.INVALID_POINT;
  if (SMALL_ORDER_YS.includes(y)) return KeyFault.WEAK;
  const xSquared = modulo((y * y - 1n) * inverse(modulo(D * y * y + 1n)));
  return power(xSquared, (FIELD - 1n) / 2n) === 1n ? null : KeyFault.INVALID_POINT;
}

/** The u coordinates of points whose secret with any scalar is zero (RFC 7748, section 6.1), besides 0, 1 and -1. */
const SMALL_ORDER_US = [
  325606250916557431795983626356110631294008115727848805560023387167927233504n,
  39382357235489614581723060781553021112529911719440698176882885853963445705823n,
];

/** What is wrong with a key of X25519. */
export function x25519Fault(jwk: KeyMaterial): KeyFault | null {
  const u = littleEndian255(jwk);
  if (u === null) return KeyFault.MALFORMED;
  if (u >= FIELD) return KeyFault.INVALID_POINT;
  return [0n, 1n, FIELD - 1n, ...SMALL_ORDER_US].includes(u) ? KeyFault.WEAK : null;
}

/** The 32 bytes of a point, without the topmost bit; null when there are more or fewer. */
function littleEndian255(jwk: KeyMaterial): bigint | null {
  const bytes = bytesOf(jwk, "x");
  return bytes.length === 32 ? numberOf(Buffer.from(bytes).reverse()) & (2n ** 255n - 1n) : null;
}

function modulo(value: bigint): bigint {
  return ((value % FIELD) + FIELD) % FIELD;
}

function inverse(value: bigint): bigint {
  return power(value, FIELD - 2n);
}

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  let square = base % FIELD;
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = (result * square) % FIELD;
    square = (square * square) % FIELD;
  }
  return result;
}

function bytesOf(jwk: KeyMaterial, member: string): Buffer {
  return Buffer.from(jwk[member] ?? "", "base64url");
}

function numberOf(bytes: Buffer): bigint {
  return BigInt(`0x${bytes.toString("hex") || "0"}`);
}
