// node verify-proof.mjs ANSWER_FILE RECEIPT_FILE JWKS_FILE
// Checks that a batch's acceptance is in the tenant's log. The first file is the answer to
// `{ batch(id: …) { inclusionProof { index leaf detail hashes checkpoint } } }`. Node's own crypto and nothing else.
import { createHash, createPublicKey, verify } from "node:crypto";
import { readFileSync } from "node:fs";

const [answer, receipt, jwks] = process.argv.slice(2).map((file) => readFileSync(file, "utf8"));
const { index, leaf, detail, hashes, checkpoint } = JSON.parse(answer).data.batch.inclusionProof;
const [header, promise] = receipt.split(".", 2).map((part) => JSON.parse(Buffer.from(part, "base64url")));

// 1. The leaf is the one that the receipt promised, and the detail is the one that the leaf states.
const leafHash = sha256(Uint8Array.of(0), leaf);
check(leafHash.toString("hex") === promise.leafHash, "the leaf is not the receipt's");
check(sha256(detail).toString("hex") === JSON.parse(leaf).detailSha256, "the detail is not the leaf's");

// 2. The hashes lead from the leaf to the root (RFC 9162, section 2.1.3.2).
const [origin, size, root] = checkpoint.split("\n");
let [node, last, hash] = [index, Number(size) - 1, leafHash];
for (const sibling of hashes.map((text) => Buffer.from(text, "base64"))) {
  check(last > 0, "the proof is too long");
  if (node % 2 === 1 || node === last) {
    hash = sha256(Uint8Array.of(1), sibling, hash);
    while (node % 2 === 0 && node !== 0) [node, last] = [node / 2, Math.floor(last / 2)];
  } else {
    hash = sha256(Uint8Array.of(1), hash, sibling);
  }
  [node, last] = [Math.floor(node / 2), Math.floor(last / 2)];
}
check(last === 0 && hash.toString("base64") === root, "the proof does not lead to the root");

// 3. The checkpoint is signed by the key of the receipt. A note is its text, an empty line, and
//    "— <name> <base64 of 4 bytes that name the key and 64 bytes of signature>" (C2SP signed-note).
const [text, signature] = checkpoint.split(/(?<=\n)\n/);
const bytes = Buffer.from(signature.trim().split(" ")[2], "base64").subarray(4);
const key = JSON.parse(jwks).keys.find(({ kid }) => kid === header.kid);
const isSigned = verify(null, Buffer.from(text), createPublicKey({ key, format: "jwk" }), bytes);
check(isSigned, "the checkpoint is not signed by that key");
process.stdout.write(`Leaf ${index} of ${size} in ${origin}.\n`);

function sha256(...parts) {
  return parts.reduce((hash, part) => hash.update(part), createHash("sha256")).digest();
}

function check(holds, otherwise) {
  if (!holds) throw new Error(otherwise);
}
