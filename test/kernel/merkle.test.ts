import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { AssertionFailed } from "../../src/kernel/assert.js";
import { leafHash } from "../../src/kernel/digest.js";
import {
  consistencyPath,
  decodeFrontier,
  EMPTY_FRONTIER,
  emptyRoot,
  encodeFrontier,
  extendFrontier,
  findConsistencyFault,
  findInclusionFault,
  frontierRoot,
  inclusionPath,
  type LeafRange,
  nodeHash,
  ProofFault,
  perfectNodes,
  rootFromInclusionProof,
  verifyConsistency,
  verifyInclusion,
} from "../../src/kernel/merkle.js";
import { ENTRIES, referenceHash, referencePath, referenceSubproof } from "../support/rfc6962.js";

const VECTORS = resolve(import.meta.dirname, "../../../shared/vectors/merkle");

const leaves = ENTRIES.map((entry) => leafHash(entry));
const proofOf = (ranges: LeafRange[]): Buffer[] => ranges.map(({ begin, end }) => referenceHash(begin, end));

const treeArbitrary = fc
  .integer({ min: 1, max: ENTRIES.length })
  .chain((size) => fc.record({ size: fc.constant(size), index: fc.integer({ min: 0, max: size - 1 }) }));

describe("inclusion", () => {
  test("proofs are those of RFC 6962 and verify", () => {
    fc.assert(
      fc.property(treeArbitrary, ({ size, index }) => {
        const proof = proofOf(inclusionPath(index, size));
        expect(proof).toEqual(referencePath(index, 0, size));
        const claim = {
          index,
          size,
          proof,
          leafHash: leafHash(ENTRIES[index] ?? Buffer.of()),
          root: referenceHash(0, size),
        };
        expect(findInclusionFault(claim)).toBeNull();
        expect(rootFromInclusionProof(claim)).toEqual(claim.root);
      }),
    );
  });

  test("a flipped bit, another place, a longer or shorter proof fails", () => {
    const flipArbitrary = fc.record({ tree: treeArbitrary, part: fc.nat(), bit: fc.integer({ min: 0, max: 255 }) });
    fc.assert(
      fc.property(flipArbitrary, ({ tree: { size, index }, part, bit }) => {
        const proof = proofOf(inclusionPath(index, size));
        const claim = {
          index,
          size,
          proof,
          leafHash: leafHash(ENTRIES[index] ?? Buffer.of()),
          root: referenceHash(0, size),
        };
        const parts = [claim.leafHash, claim.root, ...proof].map((hash) => Buffer.from(hash));
        flip(parts[part % parts.length], bit);
        const [badLeaf = claim.leafHash, badRoot = claim.root, ...badProof] = parts;
        expect(verifyInclusion({ ...claim, leafHash: badLeaf, root: badRoot, proof: badProof })).toBe(false);
        expect(verifyInclusion({ ...claim, index: index === 0 ? size - 1 : index - 1 })).toBe(size === 1);
        expect(findInclusionFault({ ...claim, proof: [...proof, claim.root] })).toBe(ProofFault.PROOF_LENGTH);
        expect(verifyInclusion({ ...claim, proof: proof.slice(0, -1) })).toBe(proof.length === 0);
      }),
    );
  });

  test("what is no place and what is no hash has its own reason", () => {
    const [one = emptyRoot()] = leaves;
    const claim = { index: 0, size: 1, leafHash: one, proof: [], root: one };
    expect(findInclusionFault(claim)).toBeNull();
    for (const [index, size] of [
      [1, 1],
      [0, 0],
      [-1, 1],
      [0.5, 1],
      [0, 2 ** 53],
      [Number.NaN, 1],
    ] as const) {
      expect(findInclusionFault({ ...claim, index, size })).toBe(ProofFault.OUT_OF_RANGE);
    }
    expect(findInclusionFault({ ...claim, leafHash: one.subarray(1) })).toBe(ProofFault.HASH_LENGTH);
    expect(findInclusionFault({ ...claim, size: 2, proof: [Buffer.alloc(33)] })).toBe(ProofFault.HASH_LENGTH);
    expect(findInclusionFault({ ...claim, root: emptyRoot() })).toBe(ProofFault.ROOT_MISMATCH);
    expect(() => inclusionPath(1, 1)).toThrow("the leaf lies in the tree");
  });
});

const sizesArbitrary = fc
  .tuple(fc.integer({ min: 1, max: ENTRIES.length }), fc.integer({ min: 1, max: ENTRIES.length }))
  .map(([a, b]) => ({ size1: Math.min(a, b), size2: Math.max(a, b) }));

describe("consistency", () => {
  test("proofs are those of RFC 6962 and verify", () => {
    fc.assert(
      fc.property(sizesArbitrary, ({ size1, size2 }) => {
        const proof = proofOf(consistencyPath(size1, size2));
        expect(proof).toEqual(referenceSubproof(size1, [0, size2], true));
        const [root1, root2] = [referenceHash(0, size1), referenceHash(0, size2)];
        expect(findConsistencyFault({ size1, size2, root1, root2, proof })).toBeNull();
      }),
    );
  });

  test("a flipped bit, another size, a longer or shorter proof fails", () => {
    const flipArbitrary = fc.record({ sizes: sizesArbitrary, part: fc.nat(), bit: fc.integer({ min: 0, max: 255 }) });
    fc.assert(
      fc.property(flipArbitrary, ({ sizes: { size1, size2 }, part, bit }) => {
        const proof = proofOf(consistencyPath(size1, size2));
        const [root1, root2] = [referenceHash(0, size1), referenceHash(0, size2)];
        const claim = { size1, size2, root1, root2, proof };
        const parts = [root1, root2, ...proof].map((hash) => Buffer.from(hash));
        flip(parts[part % parts.length], bit);
        const [bad1 = root1, bad2 = root2, ...badProof] = parts;
        expect(verifyConsistency({ ...claim, root1: bad1, root2: bad2, proof: badProof })).toBe(false);
        expect(verifyConsistency({ ...claim, proof: [...proof, root2] })).toBe(false);
        expect(verifyConsistency({ ...claim, size2: size2 * 2 + 1 })).toBe(false);
        expect(verifyConsistency({ ...claim, proof: proof.slice(0, -1) })).toBe(proof.length === 0);
      }),
    );
  });

  test("the empty tree is the beginning of every tree, by its own root and no proof", () => {
    const [root2 = emptyRoot(), other = emptyRoot()] = leaves;
    const claim = { size1: 0, size2: 1, root1: emptyRoot(), root2, proof: [] };
    expect(findConsistencyFault(claim)).toBeNull();
    expect(findConsistencyFault({ ...claim, size2: 0, root2: emptyRoot() })).toBeNull();
    expect(findConsistencyFault({ ...claim, size2: 0 })).toBe(ProofFault.ROOT_MISMATCH);
    expect(findConsistencyFault({ ...claim, root1: other })).toBe(ProofFault.ROOT_MISMATCH);
    expect(findConsistencyFault({ ...claim, proof: [other] })).toBe(ProofFault.PROOF_LENGTH);
    expect(findConsistencyFault({ ...claim, proof: [other.subarray(1)] })).toBe(ProofFault.HASH_LENGTH);
    expect(findConsistencyFault({ ...claim, size1: 2, size2: 1 })).toBe(ProofFault.OUT_OF_RANGE);
  });
});

test.runIf(existsSync(VECTORS))(
  "the transparency-dev vectors are judged as they ask (skipped where not at hand)",
  () => {
    const judged = { true: 0, false: 0 };
    for (const kind of ["inclusion", "consistency"]) {
      for (const name of readdirSync(join(VECTORS, kind))) {
        const vector = JSON.parse(readFileSync(join(VECTORS, kind, name), "utf8"), decodeBase64);
        const proof = vector.proof ?? [];
        const claim = { ...vector, proof, index: vector.leafIdx, size: vector.treeSize };
        const isValid = kind === "inclusion" ? verifyInclusion(claim) : verifyConsistency(claim);
        expect(isValid, `${kind}/${name}: ${vector.desc}`).toBe(!vector.wantErr);
        judged[isValid ? "true" : "false"]++;
      }
    }
    expect(judged.true).toBeGreaterThanOrEqual(4);
    expect(judged.false).toBeGreaterThan(80);
  },
);

describe("a frontier", () => {
  test("has the root of RFC 6962 however the leaves are cut, and survives its bytes", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 40 }), { maxLength: 10 }), (cuts) => {
        let frontier = EMPTY_FRONTIER;
        for (const count of cuts) {
          frontier = extendFrontier(frontier, leaves.slice(frontier.size, frontier.size + count));
          frontier = decodeFrontier(encodeFrontier(frontier));
          expect(frontierRoot(frontier)).toEqual(referenceHash(0, frontier.size));
        }
        expect(EMPTY_FRONTIER).toEqual({ size: 0, hashes: [] });
      }),
    );
  });

  test("of the largest tree has 53 hashes in 1,704 bytes and refuses one leaf more", () => {
    const size = Number.MAX_SAFE_INTEGER;
    const full = { size, hashes: Array.from({ length: 53 }, (_, i) => Buffer.alloc(32, i)) };
    const bytes = encodeFrontier(full);
    expect(bytes.length).toBe(1704);
    expect(decodeFrontier(bytes)).toEqual(full);
    expect(() => extendFrontier(full, [emptyRoot()])).toThrow("2^53 - 1");
  });

  test("is not read from bytes of another length", () => {
    const bytes = encodeFrontier(extendFrontier(EMPTY_FRONTIER, leaves.slice(0, 3)));
    for (const bad of [bytes.subarray(1), bytes.subarray(0, -1), Buffer.concat([bytes, Buffer.of(0)]), Buffer.of()]) {
      expect(() => decodeFrontier(bad)).toThrow(AssertionFailed);
    }
    expect(() => extendFrontier(EMPTY_FRONTIER, [Buffer.alloc(31)])).toThrow("32 bytes");
  });
});

test("perfect nodes cover a subtree without a gap, up to 2^53 - 1 leaves", () => {
  const size = Number.MAX_SAFE_INTEGER;
  const coverOf = (range: LeafRange) => perfectNodes(range).map(({ level, index }) => [index * 2 ** level, 2 ** level]);
  fc.assert(
    fc.property(fc.integer({ min: 0, max: size - 1 }), (index) => {
      for (const range of inclusionPath(index, size)) {
        let at = range.begin;
        for (const [begin = -1, width = 0] of coverOf(range)) {
          expect(begin).toBe(at);
          at += width;
        }
        expect(at).toBe(range.end);
      }
    }),
    { numRuns: 30 },
  );
  expect(perfectNodes({ begin: 0, end: 7 })).toEqual([
    { level: 2, index: 0 },
    { level: 1, index: 2 },
    { level: 0, index: 6 },
  ]);
});

test("leaves and nodes hash apart, so that no node passes for a leaf", () => {
  const [left = emptyRoot(), right = emptyRoot()] = leaves;
  expect(leafHash(Buffer.concat([left, right]))).not.toEqual(nodeHash(left, right));
  expect(emptyRoot().toString("hex")).toBe("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
});

function flip(hash: Buffer | undefined, bit: number): void {
  if (hash === undefined) throw new Error("no hash to damage");
  hash.writeUInt8(hash.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
}

function decodeBase64(key: string, value: unknown): unknown {
  return typeof value === "string" && key !== "desc" ? Buffer.from(value, "base64") : value;
}
