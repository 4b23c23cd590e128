import { generateKeyPairSync } from "node:crypto";
import { expect, test } from "vitest";
import { leafHash } from "../../src/kernel/digest.js";
import { nodeHash } from "../../src/kernel/merkle.js";
import { formatCheckpoint, signNote } from "../../src/transparency/checkpoint.js";
import { logName, type ProofFault, verifyInclusionProof } from "../../src/transparency/proofs/service.js";

const TENANT = "tnt_01m82e2ppyesjb6ntcjykwvvf5";
const { privateKey, publicKey } = generateKeyPairSync("ed25519");
const stranger = generateKeyPairSync("ed25519").privateKey;
const jwks = { keys: [{ kty: "EC", crv: "P-256" }, publicKey.export({ format: "jwk" })] };

const leaves = ["first", "second"].map((text) => leafHash(Buffer.from(text)));
const [first, second] = [leaves[0] ?? Buffer.alloc(0), leaves[1] ?? Buffer.alloc(0)];
const root = nodeHash(first, second);
const proof = {
  index: 1,
  leaf: "second",
  leafHash: second.toString("hex"),
  hashes: [first.toString("base64")],
  checkpoint: note(),
};

test("a leaf in a signed log of the tenant is proven by public keys alone", () => {
  expect(verifyInclusionProof(proof, { tenantId: TENANT, jwks })).toBeNull();
});

test.each<[string, ProofFault, Partial<typeof proof>]>([
  ["another leaf", "LEAF_MISMATCH", { leaf: "third" }],
  ["a checkpoint signed by a stranger", "CHECKPOINT_NOT_SIGNED", { checkpoint: note({ key: stranger }) }],
  ["a checkpoint of another log", "CHECKPOINT_OF_ANOTHER_LOG", { checkpoint: note({ origin: "quittance/tnt_other" }) }],
  ["another root", "NOT_INCLUDED", { checkpoint: note({ at: first }) }],
  ["another place", "NOT_INCLUDED", { index: 0 }],
  ["a hash too few", "NOT_INCLUDED", { hashes: [] }],
])("%s is not proven: %s", (_what, fault, change) => {
  expect(verifyInclusionProof({ ...proof, ...change }, { tenantId: TENANT, jwks })).toBe(fault);
});

test("a proof for one tenant proves nothing for another, and nothing without keys", () => {
  const other = "tnt_01m82e2ppyesjb6ntcjykwvvf6";
  expect(verifyInclusionProof(proof, { tenantId: other, jwks })).toBe("CHECKPOINT_NOT_SIGNED");
  expect(verifyInclusionProof(proof, { tenantId: TENANT, jwks: { keys: [] } })).toBe("CHECKPOINT_NOT_SIGNED");
  expect(verifyInclusionProof(proof, { tenantId: TENANT, jwks: null })).toBe("JWKS_INVALID");
});

function note({ origin = logName(TENANT), at = root, key = privateKey } = {}): string {
  return signNote(formatCheckpoint({ origin, size: 2, root: at }), { name: logName(TENANT), privateKey: key });
}
