// node verify-proof.mjs PROOF_FILE LOG_KEY_FILE [RECEIPT_OR_STATEMENT_FILE]
// Checks that a record is in a tenant's log (c2sp.org/tlog-proof@v1), and that it is that of a receipt or a statement.
// Node's own crypto and nothing else.
import { createHash, createPublicKey, verify } from "node:crypto";
import { readFileSync } from "node:fs";

const [file, logKey, signed] = process.argv.slice(2).map((name) => readFileSync(name, "utf8"));

// 1. The file: a head, the leaf and its detail, the index and the hashes; an empty line; the checkpoint
const split = file.indexOf("\n\n");
const [head, extra, place, ...hashes] = file.slice(0, split).split("\n");
check(
  head === "c2sp.org/tlog-proof@v1" && extra.startsWith("extra ") && place.startsWith("index "),
  "this is no proof",
);
const { leaf, detail } = JSON.parse(Buffer.from(extra.slice(6), "base64"));
const index = Number(place.slice(6));

// 2. The checkpoint is signed by the log's key. A note is its text, an empty line, and lines "— <name> <base64 of 4
//    bytes that name the key and 64 bytes of signature>"; a verifier key is "<name>+<id>+<base64 of 0x01 and the key>".
const [text, signatures] = file.slice(split + 2).split(/(?<=\n)\n/);
const [, name, id, encoded] = /^(.+?)\+([0-9a-f]{8})\+(.+)$/m.exec(logKey);
const x = Buffer.from(encoded, "base64").subarray(1).toString("base64url");
const key = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x }, format: "jwk" });
const line = signatures.split("\n").find((each) => each.startsWith(`— ${name} `) && keyIdOf(each) === id);
check(line !== undefined, "the checkpoint is not signed by that key");
check(verify(null, Buffer.from(text), key, signatureOf(line).subarray(4)), "the signature is not this key's");

// 3. The hashes lead from the leaf to the checkpoint's root (RFC 9162, section 2.1.3.2).
const [origin, size, root] = text.split("\n");
check(origin === name, "the checkpoint is of another log");
let [node, last, hash] = [index, Number(size) - 1, sha256(Uint8Array.of(0), leaf)];
for (const sibling of hashes.map((each) => Buffer.from(each, "base64"))) {
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

// 4. The leaf states its detail. A receipt states the leaf; of a statement the detail states the SHA-256.
const isErased = detail === null;
check(isErased || sha256(detail).toString("hex") === JSON.parse(leaf).detailSha256, "the detail is not the leaf's");
if (signed !== undefined) {
  const { leafHash } = JSON.parse(Buffer.from(signed.split(".")[1], "base64url"));
  const stated = leafHash ?? JSON.parse(detail).after.sha256;
  const found = leafHash === undefined ? sha256(signed.trim()) : sha256(Uint8Array.of(0), leaf);
  check(found.toString("hex") === stated, "the proof is of something else");
}
process.stdout.write(`Leaf ${index} of ${size} in ${origin}: ${leaf}\n`);

function signatureOf(line) {
  return Buffer.from(line.split(" ")[2], "base64");
}

function keyIdOf(line) {
  return signatureOf(line).subarray(0, 4).toString("hex");
}

function sha256(...parts) {
  return parts.reduce((hash, part) => hash.update(part), createHash("sha256")).digest();
}

function check(holds, otherwise) {
  if (!holds) throw new Error(otherwise);
}
