import { createHash } from "node:crypto";
import { assert, present } from "./assert.js";

const NODE_PREFIX = Uint8Array.of(1);
const SIZE_BYTES = 8;

/** Bytes of every hash of the tree (SHA-256). */
export const HASH_BYTES = 32;

/**
 * The leaves from `begin` up to, not including, `end`: a whole subtree of a tree, whose hash is MTH(D[begin:end]) of
 * RFC 6962, 2.1.
 */
export interface LeafRange {
  readonly begin: number;
  readonly end: number;
}

/**
 * The node `index` of height `level` in a perfect binary tree: it covers the leaves from index · 2^level, and 2^level
 * of them.
 */
export interface TreeNode {
  readonly level: number;
  readonly index: number;
}

/** Why a proof proves nothing. */
export enum ProofFault {
  /** No such leaf or size: the question itself makes no sense. */
  OUT_OF_RANGE = "OUT_OF_RANGE",
  /** A hash is not 32 bytes long. */
  HASH_LENGTH = "HASH_LENGTH",
  /** The proof has more or fewer hashes than such a proof has. */
  PROOF_LENGTH = "PROOF_LENGTH",
  /** The proof leads to another root. */
  ROOT_MISMATCH = "ROOT_MISMATCH",
}

/** The claim that the leaf with this hash stands at `index` in the tree of `size` leaves and this root. */
export interface InclusionClaim {
  readonly index: number;
  readonly size: number;
  readonly leafHash: Uint8Array;
  readonly proof: readonly Uint8Array[];
  readonly root: Uint8Array;
}

/** The claim that the tree of size1 and root1 is the beginning of the tree of size2 and root2. */
export interface ConsistencyClaim {
  readonly size1: number;
  readonly size2: number;
  readonly root1: Uint8Array;
  readonly root2: Uint8Array;
  readonly proof: readonly Uint8Array[];
}

/**
 * A tree that can grow and knows its root, without its leaves: the hashes of its perfect subtrees, left to right.
 * Immutable.
 */
export interface Frontier {
  readonly size: number;
  readonly hashes: readonly Buffer[];
}

/** The frontier of the tree without leaves. */
export const EMPTY_FRONTIER: Frontier = { size: 0, hashes: [] };

/** SHA-256(0x01 ‖ left ‖ right): the hash of an inner node (RFC 6962, 2.1). */
export function nodeHash(left: Uint8Array, right: Uint8Array): Buffer {
  return createHash("sha256").update(NODE_PREFIX).update(left).update(right).digest();
}

/** SHA-256 of nothing: the root of the tree without leaves (RFC 6962, 2.1). */
export function emptyRoot(): Buffer {
  return createHash("sha256").digest();
}

/** The subtrees whose hashes, in this order, are the inclusion proof PATH(index, D[size]) of RFC 6962, 2.1.1. */
export function inclusionPath(index: number, size: number): LeafRange[] {
  assert(isSize(size) && isSize(index) && index < size, "the leaf lies in the tree");
  const path: LeafRange[] = [];
  let begin = 0;
  let end = size;
  while (end - begin > 1) {
    const middle = begin + leftWidth(end - begin);
    if (index < middle) {
      path.push({ begin: middle, end });
      end = middle;
    } else {
      path.push({ begin, end: middle });
      begin = middle;
    }
  }
  return path.reverse();
}

/**
 * The subtrees whose hashes, in this order, are the consistency proof PROOF(size1, D[size2]) of RFC 6962, 2.1.2; none
 * from size 0.
 */
export function consistencyPath(size1: number, size2: number): LeafRange[] {
  assert(isSize(size1) && isSize(size2) && size1 <= size2, "the older tree is not the larger one");
  if (size1 === 0) return [];
  const path: LeafRange[] = [];
  let begin = 0;
  let end = size2;
  while (size1 < end) {
    const middle = begin + leftWidth(end - begin);
    if (size1 <= middle) {
      path.push({ begin: middle, end });
      end = middle;
    } else {
      path.push({ begin, end: middle });
      begin = middle;
    }
  }
  if (begin > 0) path.push({ begin, end }); // else it is the older root itself, which the verifier has
  return path.reverse();
}

/**
 * The perfect nodes, left to right, whose hashes `foldRight` turns into the hash of a range; of heights that only fall.
 */
export function perfectNodes({ begin, end }: LeafRange): TreeNode[] {
  const nodes: TreeNode[] = [];
  let at = begin;
  while (at < end) {
    const width = widestPower(end - at);
    assert(at % width === 0, "the range is a subtree");
    nodes.push({ level: Math.log2(width), index: at / width });
    at += width;
  }
  return nodes;
}

/** The hash of a subtree from the hashes of its perfect nodes, left to right; the empty tree's from none. */
export function foldRight(hashes: readonly Uint8Array[]): Buffer {
  const last = hashes.at(-1);
  if (last === undefined) return emptyRoot();
  return hashes.slice(0, -1).reduceRight<Buffer>((right, left) => nodeHash(left, right), Buffer.from(last));
}

/** The root that an inclusion proof leads to (RFC 9162, 2.1.3.2), or why it leads to none. */
export function rootFromInclusionProof(claim: Omit<InclusionClaim, "root">): Buffer | ProofFault {
  const { index, size, proof } = claim;
  if (!isSize(size) || !isSize(index) || index >= size) return ProofFault.OUT_OF_RANGE;
  if ([claim.leafHash, ...proof].some((hash) => hash.length !== HASH_BYTES)) return ProofFault.HASH_LENGTH;
  let node = index;
  let last = size - 1;
  let hash: Buffer = Buffer.from(claim.leafHash);
  for (const sibling of proof) {
    if (last === 0) return ProofFault.PROOF_LENGTH;
    if (isOdd(node) || node === last) {
      hash = nodeHash(sibling, hash);
      // The last node of a level may have no sibling there: it rises until it has one.
      while (!isOdd(node) && node !== 0) [node, last] = [half(node), half(last)];
    } else {
      hash = nodeHash(hash, sibling);
    }
    [node, last] = [half(node), half(last)];
  }
  return last === 0 ? hash : ProofFault.PROOF_LENGTH;
}

/** Why an inclusion claim fails, or null when it holds. */
export function findInclusionFault(claim: InclusionClaim): ProofFault | null {
  const root = rootFromInclusionProof(claim);
  if (typeof root === "string") return root;
  return root.equals(claim.root) ? null : ProofFault.ROOT_MISMATCH;
}

/** Whether the leaf is in the tree, as the claim says. */
export function verifyInclusion(claim: InclusionClaim): boolean {
  return findInclusionFault(claim) === null;
}

/**
 * Why a consistency claim fails (RFC 9162, 2.1.4.2), or null when it holds; the empty tree is the beginning of every
 * tree.
 */
export function findConsistencyFault(claim: ConsistencyClaim): ProofFault | null {
  const { size1, size2, root1, root2, proof } = claim;
  if (!isSize(size1) || !isSize(size2) || size1 > size2) return ProofFault.OUT_OF_RANGE;
  if (proof.some((hash) => hash.length !== HASH_BYTES)) return ProofFault.HASH_LENGTH;
  if (size1 === 0 && !emptyRoot().equals(root1)) return ProofFault.ROOT_MISMATCH;
  if (size1 === 0 || size1 === size2) {
    if (proof.length > 0) return ProofFault.PROOF_LENGTH;
    return size1 < size2 || Buffer.compare(root1, root2) === 0 ? null : ProofFault.ROOT_MISMATCH;
  }
  const roots = rootsFromConsistencyProof(claim);
  if (typeof roots === "string") return roots;
  return roots.older.equals(root1) && roots.newer.equals(root2) ? null : ProofFault.ROOT_MISMATCH;
}

/** Whether the older tree is the beginning of the newer one, as the claim says. */
export function verifyConsistency(claim: ConsistencyClaim): boolean {
  return findConsistencyFault(claim) === null;
}

/** The frontier after these leaves (their hashes, in order) are appended. */
export function extendFrontier(frontier: Frontier, leafHashes: readonly Uint8Array[]): Frontier {
  const hashes = [...frontier.hashes];
  let { size } = frontier;
  for (const hash of leafHashes) {
    assert(hash.length === HASH_BYTES, "a leaf hash has 32 bytes");
    let node: Buffer = Buffer.from(hash);
    // Each one-bit of the size is a perfect subtree; adding one leaf carries like adding one.
    for (let rest = size; isOdd(rest); rest = half(rest))
      node = nodeHash(present(hashes.pop(), "the left sibling"), node);
    hashes.push(node);
    size++;
  }
  assert(isSize(size), "a tree has at most 2^53 - 1 leaves");
  return { size, hashes };
}

/** The root of the tree that a frontier stands for. */
export function frontierRoot(frontier: Frontier): Buffer {
  return foldRight(frontier.hashes);
}

/** A frontier as bytes: the size (8 bytes, big-endian), then its hashes; at most 1,704 bytes. */
export function encodeFrontier(frontier: Frontier): Buffer {
  const size = Buffer.alloc(SIZE_BYTES);
  size.writeBigUInt64BE(BigInt(frontier.size));
  return Buffer.concat([size, ...frontier.hashes]);
}

/** The frontier that `encodeFrontier` wrote; other bytes fail an assertion, since only we store them. */
export function decodeFrontier(bytes: Buffer): Frontier {
  assert(bytes.length >= SIZE_BYTES, "a stored frontier begins with its size");
  const size = Number(bytes.readBigUInt64BE());
  assert(isSize(size), "a tree has at most 2^53 - 1 leaves");
  const hashes = perfectNodes({ begin: 0, end: size }).map((_, i) => {
    const start = SIZE_BYTES + i * HASH_BYTES;
    return Buffer.from(bytes.subarray(start, start + HASH_BYTES));
  });
  assert(bytes.length === SIZE_BYTES + hashes.length * HASH_BYTES, "a stored frontier has the hashes of its size");
  return { size, hashes };
}

// For 0 < size1 < size2.
function rootsFromConsistencyProof(claim: ConsistencyClaim): { older: Buffer; newer: Buffer } | ProofFault {
  const { size1, size2, root1, proof } = claim;
  // An older tree that is one perfect subtree is its own first step, so the proof leaves it out.
  const [first, ...rest] = widestPower(size1) === size1 ? [root1, ...proof] : proof;
  if (first === undefined) return ProofFault.PROOF_LENGTH;
  let node = size1 - 1;
  let last = size2 - 1;
  while (isOdd(node)) [node, last] = [half(node), half(last)];
  let older: Buffer = Buffer.from(first);
  let newer: Buffer = older;
  for (const sibling of rest) {
    if (last === 0) return ProofFault.PROOF_LENGTH;
    if (isOdd(node) || node === last) {
      older = nodeHash(sibling, older);
      newer = nodeHash(sibling, newer);
      while (!isOdd(node) && node !== 0) [node, last] = [half(node), half(last)];
    } else {
      newer = nodeHash(newer, sibling);
    }
    [node, last] = [half(node), half(last)];
  }
  return last === 0 ? { older, newer } : ProofFault.PROOF_LENGTH;
}

// Sizes reach 2^53 - 1: plain arithmetic, never the 32-bit operators.
function isSize(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function isOdd(value: number): boolean {
  return value % 2 === 1;
}

function half(value: number): number {
  return Math.floor(value / 2);
}

/** The largest power of two that is at most a positive width. */
function widestPower(width: number): number {
  let power = 1;
  while (power * 2 <= width) power *= 2;
  return power;
}

/** The largest power of two below a width of at least two: where RFC 6962 splits. */
export function leftWidth(width: number): number {
  const power = widestPower(width);
  return power === width ? power / 2 : power;
}
