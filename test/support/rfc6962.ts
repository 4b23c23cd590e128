import { createHash } from "node:crypto";

/** The entries that the reference tree is made of. */
export const ENTRIES: readonly Buffer[] = Array.from({ length: 400 }, (_, i) => Buffer.from(`leaf ${i}`));

/** SHA-256 of all parts together. */
export function sha256Of(...parts: readonly Uint8Array[]): Buffer {
  return createHash("sha256").update(Buffer.concat(parts)).digest();
}

/** MTH(D[begin:end]) of RFC 6962, section 2.1, by its recursive definition. */
export function referenceHash(begin: number, end: number): Buffer {
  const key = `${begin}-${end}`;
  const known = hashes.get(key) ?? hashByDefinition(begin, end);
  hashes.set(key, known);
  return known;
}

/** PATH(m, D[begin:end]) of RFC 6962, section 2.1.1, by its recursive definition. */
export function referencePath(m: number, begin: number, end: number): Buffer[] {
  if (end - begin === 1) return [];
  const k = split(end - begin);
  if (m < k) return [...referencePath(m, begin, begin + k), referenceHash(begin + k, end)];
  return [...referencePath(m - k, begin + k, end), referenceHash(begin, begin + k)];
}

/** SUBPROOF(m, D[begin:end], isWhole) of RFC 6962, section 2.1.2, by its recursive definition. */
export function referenceSubproof(m: number, [begin, end]: readonly [number, number], isWhole: boolean): Buffer[] {
  if (m === end - begin) return isWhole ? [] : [referenceHash(begin, end)];
  const k = split(end - begin);
  if (m <= k) return [...referenceSubproof(m, [begin, begin + k], isWhole), referenceHash(begin + k, end)];
  return [...referenceSubproof(m - k, [begin + k, end], false), referenceHash(begin, begin + k)];
}

const hashes = new Map<string, Buffer>();

function hashByDefinition(begin: number, end: number): Buffer {
  const [first] = ENTRIES.slice(begin, end);
  if (first === undefined) return sha256Of();
  if (end - begin === 1) return sha256Of(Buffer.of(0), first);
  const middle = begin + split(end - begin);
  return sha256Of(Buffer.of(1), referenceHash(begin, middle), referenceHash(middle, end));
}

function split(n: number): number {
  let k = 1;
  while (2 * k < n) k *= 2;
  return k;
}
