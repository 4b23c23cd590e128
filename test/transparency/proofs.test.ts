import { createPublicKey, type KeyObject } from "node:crypto";
import { expect, test } from "vitest";
import { canonicalJson } from "../../src/kernel/canonical-json.js";
import { leafHash, sha256Hex } from "../../src/kernel/digest.js";
import { newKeyPair } from "../../src/kernel/key-pairs.js";
import { nodeHash } from "../../src/kernel/merkle.js";
import {
  cosignatureLine,
  formatCheckpoint,
  formatVerifierKey,
  NoteKeyType,
  signNote,
} from "../../src/transparency/checkpoint.js";
import { formatProofFile, type ProofFile, parseProofFile } from "../../src/transparency/proofs/rules.js";
import {
  findGrowthFault,
  openCheckpoint,
  openProof,
  type ProofFault,
  readPolicy,
} from "../../src/transparency/proofs/service.js";

const NAME = "quittance/tnt_01m82e2ppyesjb6ntcjykwvvf5";
const WITNESS = "witness.example/w1";
const [logKey, witnessKey, stranger] = [0, 1, 2].map(() => newKeyPair("ed25519").privateKey) as [
  KeyObject,
  KeyObject,
  KeyObject,
];
const LOG_KEY = formatVerifierKey(NAME, createPublicKey(logKey));
const WITNESS_KEY = formatVerifierKey(WITNESS, createPublicKey(witnessKey), NoteKeyType.COSIGNATURE_V1);

const detail = '{"after":null,"before":null}';
const leaf = canonicalJson({ type: "X", detailSha256: sha256Hex(detail) });
const first = leafHash("first");
const root = nodeHash(first, leafHash(leaf));
const proof: ProofFile = { index: 1, hashes: [first], checkpoint: note(), extra: { leaf, detail } };
const policy = readPolicy({ log: LOG_KEY, witnesses: [], quorum: null });
const witnessed = readPolicy({ log: LOG_KEY, witnesses: [WITNESS_KEY], quorum: null });

test("a proof file has the very form of c2sp.org/tlog-proof@v1, and goes there and back", () => {
  const file = formatProofFile(proof);
  const extra = Buffer.from(canonicalJson({ detail, leaf })).toString("base64");
  const lines = ["c2sp.org/tlog-proof@v1", `extra ${extra}`, "index 1", first.toString("base64"), "", proof.checkpoint];
  expect(file).toBe(lines.join("\n"));
  expect(parseProofFile(file)).toEqual(proof);
  const bare = { ...proof, index: 0, hashes: [], extra: null };
  expect(parseProofFile(formatProofFile(bare))).toEqual(bare);
});

test.each([
  ["another head", (file: string) => file.replace("@v1", "@v2")],
  ["a leading zero", (file: string) => file.replace("index 1", "index 01")],
  ["no index", (file: string) => file.replace("index 1\n", "")],
  ["an index beyond what is counted", (file: string) => file.replace("index 1", "index 9007199254740993")],
  ["a line that is no hash", (file: string) => file.replace(/=\n\n/, "=\n\u00a0\n")],
  ["a hash too long", (file: string) => file.replace(/=\n\n/, "AA==\n\n")],
  ["carriage returns", (file: string) => file.replaceAll("\n", "\r\n")],
  ["extra data that is no leaf", (file: string) => file.replace(/extra \S+/, "extra bm8=")],
  [
    "too many hashes",
    (file: string) => file.replace("\n\n", `\n${"A".repeat(43)}=\n`.repeat(64).replace(/\n\n/g, "\n")),
  ],
])("a file with %s is none", (_, change) => {
  const file = formatProofFile(proof);
  expect(change(file)).not.toBe(file);
  expect(parseProofFile(change(file))).toBeNull();
  expect(openProof(change(file), policy)).toEqual({ fault: "MALFORMED" });
});

test("a leaf in the signed log is proven by the log's verifier key alone", () => {
  const found = { index: 1, leaf, detail, checkpoint: { origin: NAME, size: 2, root } };
  expect(openProof(formatProofFile(proof), policy)).toEqual({ found });
});

test.each<[string, ProofFault, Partial<ProofFile>]>([
  ["a checkpoint signed by a stranger", "CHECKPOINT_NOT_SIGNED", { checkpoint: note({ name: "stranger" }) }],
  ["a stranger's signature under the log's key", "SIGNATURE_INVALID", { checkpoint: forged() }],
  ["a checkpoint of another log", "CHECKPOINT_OF_ANOTHER_LOG", { checkpoint: note({ origin: "quittance/tnt_x" }) }],
  ["a signed text that is no checkpoint", "MALFORMED", { checkpoint: signNote("hello\n", signer()) }],
  ["no leaf", "LEAF_MISSING", { extra: null }],
  ["another leaf", "NOT_INCLUDED", { extra: { leaf: leaf.replace("X", "Y"), detail } }],
  ["another detail", "DETAIL_MISMATCH", { extra: { leaf, detail: "{}" } }],
  ["another root", "NOT_INCLUDED", { checkpoint: note({ at: first }) }],
  ["another place", "NOT_INCLUDED", { index: 0 }],
  ["a place outside", "NOT_INCLUDED", { index: 2 }],
  ["a hash too few", "NOT_INCLUDED", { hashes: [] }],
  ["a hash too many", "NOT_INCLUDED", { hashes: [first, first] }],
])("%s is not proven: %s", (_what, fault, change) => {
  const isOfLeaf = fault === "NOT_INCLUDED" || fault === "DETAIL_MISMATCH";
  const expected = { fault, ...(isOfLeaf ? { index: change.index ?? proof.index } : {}) };
  expect(openProof(formatProofFile({ ...proof, ...change }), policy)).toEqual(expected);
});

test("a witness that is asked for must have cosigned these very bytes, and so many of several", () => {
  const line = cosigned(note());
  expect(openCheckpoint(note() + line, witnessed)).toMatchObject({ found: { size: 2 } });
  expect(openCheckpoint(note(), witnessed)).toEqual({ fault: "NOT_WITNESSED" });
  expect(openCheckpoint(note() + cosigned(note(), stranger), witnessed)).toEqual({ fault: "NOT_WITNESSED" });
  expect(openCheckpoint(note() + cosigned(note({ at: first })), witnessed)).toEqual({ fault: "SIGNATURE_INVALID" });
  // The time is signed as well.
  const [, encoded = ""] = / (\S+)\n$/.exec(line) ?? [];
  const later = Buffer.from(encoded, "base64");
  later.writeUInt8(later.readUInt8(11) ^ 1, 11);
  const moved = line.replace(encoded, later.toString("base64"));
  expect(openCheckpoint(note() + moved, witnessed)).toEqual({ fault: "SIGNATURE_INVALID" });
  const second = formatVerifierKey("w2", createPublicKey(stranger), NoteKeyType.COSIGNATURE_V1);
  const one = readPolicy({ log: LOG_KEY, witnesses: [WITNESS_KEY, second], quorum: 1 });
  const both = readPolicy({ log: LOG_KEY, witnesses: [WITNESS_KEY, second], quorum: null });
  expect(openCheckpoint(note() + line, one)).toHaveProperty("found");
  expect(openCheckpoint(note() + line, both)).toEqual({ fault: "NOT_WITNESSED" });
});

test("a log's key is none of a witness, nor the other way, and a quorum asks for no more than there are", () => {
  expect(() => readPolicy({ log: WITNESS_KEY, witnesses: [], quorum: null })).toThrow("verifier key of a log");
  expect(() => readPolicy({ log: LOG_KEY, witnesses: [LOG_KEY], quorum: null })).toThrow("verifier key of a witness");
  expect(() => readPolicy({ log: "x", witnesses: [], quorum: null })).toThrow("verifier key of a log");
  expect(() => readPolicy({ log: LOG_KEY, witnesses: [], quorum: 1 })).toThrow("not so many witnesses");
});

test("growth is proven from the smaller tree to the larger one, and by no other hashes", () => {
  const older = { origin: NAME, size: 1, root: first };
  const newer = { origin: NAME, size: 2, root };
  const hashes = [leafHash(leaf).toString("base64")];
  expect(findGrowthFault(older, newer, hashes)).toBeNull();
  expect(findGrowthFault(older, newer, [])).toBe("NOT_CONSISTENT");
  expect(findGrowthFault(newer, older, hashes)).toBe("NOT_CONSISTENT");
  expect(findGrowthFault({ ...older, root }, newer, hashes)).toBe("NOT_CONSISTENT");
});

function signer({ name = NAME, key = logKey } = {}) {
  return { name, privateKey: key };
}

function note({ origin = NAME, at = root, name = NAME } = {}): string {
  return signNote(formatCheckpoint({ origin, size: 2, root: at }), signer({ name }));
}

/** A note whose signature is by a stranger, and says that it is the log's. */
function forged(): string {
  const [, ours = ""] = / (\S+)\n$/.exec(note()) ?? [];
  const theirs = signNote(formatCheckpoint({ origin: NAME, size: 2, root }), signer({ key: stranger }));
  const [, strange = ""] = / (\S+)\n$/.exec(theirs) ?? [];
  const mixed = Buffer.concat([Buffer.from(ours, "base64").subarray(0, 4), Buffer.from(strange, "base64").subarray(4)]);
  return note().replace(ours, mixed.toString("base64"));
}

function cosigned(of: string, key = witnessKey): string {
  const text = of.slice(0, of.lastIndexOf("\n\n") + 1);
  return cosignatureLine(text, { name: WITNESS, privateKey: key }, new Date("2026-03-01T00:00:00.000Z"));
}
