# python3 verify_proof.py PROOF_FILE LOG_KEY_FILE
# Checks that a record is in a tenant's log (c2sp.org/tlog-proof@v1) and prints the record. Needs the package
# cryptography (Debian: python3-cryptography).
import base64
import hashlib
import json
import sys

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

with open(sys.argv[1], encoding="utf-8") as file, open(sys.argv[2], encoding="utf-8") as key_file:
    proof, note = file.read().split("\n\n", 1)
    name, key_id, key = key_file.read().strip().split("+", 2)


def sha256(content):
    return hashlib.sha256(content).digest()


# The checkpoint is signed by the log's key (C2SP signed-note).
text, signatures = note.split("\n\n")
text += "\n"
signed = [base64.b64decode(line.split(" ")[2]) for line in signatures.splitlines() if line.split(" ")[1] == name]
[signature] = [each[4:] for each in signed if each[:4].hex() == key_id]
Ed25519PublicKey.from_public_bytes(base64.b64decode(key)[1:]).verify(signature, text.encode())
origin, size, root = text.splitlines()[:3]
assert origin == name, "the checkpoint is of another log"

# The hashes lead from the leaf to the root (RFC 9162, section 2.1.3.2).
head, extra, place, *hashes = proof.split("\n")
assert head == "c2sp.org/tlog-proof@v1"
record = json.loads(base64.b64decode(extra.removeprefix("extra ")))
node, last = int(place.removeprefix("index ")), int(size) - 1
digest = sha256(b"\0" + record["leaf"].encode())
for sibling in map(base64.b64decode, hashes):
    assert last > 0, "the proof is too long"
    if node % 2 == 1 or node == last:
        digest = sha256(b"\1" + sibling + digest)
        while node % 2 == 0 and node != 0:
            node, last = node // 2, last // 2
    else:
        digest = sha256(b"\1" + digest + sibling)
    node, last = node // 2, last // 2
assert last == 0 and digest == base64.b64decode(root), "the proof does not lead to the root"

# The leaf states its detail, which may have been erased since.
leaf, detail = record["leaf"], record["detail"]
assert detail is None or json.loads(leaf)["detailSha256"] == hashlib.sha256(detail.encode()).hexdigest()
print(json.dumps({"leaf": json.loads(leaf), "detail": json.loads(detail or "null")}, indent=2))
