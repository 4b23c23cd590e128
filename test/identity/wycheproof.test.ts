import { createPublicKey } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { openJws } from "../../src/identity/assertions/rules.js";
import { proofKey } from "../../src/identity/dpop/rules.js";
import { isAlgorithmOf, readPublicJwk } from "../../src/identity/keys/rules.js";
import { isSignedBy, SIGNATURE_ALGORITHMS } from "../../src/kernel/signature.js";

const FOLDER = new URL("../../../shared/vectors/wycheproof/", import.meta.url);

interface VectorGroup {
  readonly public?: Record<string, unknown>;
  readonly private?: Record<string, unknown>;
  readonly tests: readonly { readonly tcId: number; readonly jws: unknown; readonly result: string }[];
}

/** Each vector with each key of its group. */
function vectorsOf(file: string) {
  const { testGroups }: { testGroups: VectorGroup[] } = JSON.parse(readFileSync(new URL(file, FOLDER), "utf8"));
  return testGroups.flatMap(({ public: publicJwk, private: privateJwk, tests }) => {
    const named = publicJwk ?? privateJwk ?? {};
    const keys: readonly unknown[] = Array.isArray(named["keys"]) ? named["keys"] : [named];
    return tests.flatMap((vector) => keys.map((key) => ({ ...vector, key })));
  });
}

/** As a client's key: it could be registered, and the signature is its own under its one algorithm. */
function isAcceptedAsClients(jws: unknown, jwk: unknown): boolean {
  const opened = typeof jws === "string" ? openJws(jws) : null;
  const key = readPublicJwk(jwk);
  if (opened === null || typeof key === "string") return false;
  const alg = String(opened.header["alg"]);
  if (!SIGNATURE_ALGORITHMS.some((known) => known === alg) || !isAlgorithmOf(alg, key.alg)) return false;
  return isSignedBy(alg, createPublicKey({ key: key.jwk, format: "jwk" }), opened);
}

/** As the key of a DPoP proof, under the vector's algorithm. */
function isAcceptedAsProofs(jws: unknown, jwk: unknown): boolean {
  const opened = typeof jws === "string" ? openJws(jws) : null;
  const read = opened && proofKey({ header: { typ: "dpop+jwt", alg: opened.header["alg"], jwk } });
  if (opened === null || read === null || typeof read === "string") return false;
  return isSignedBy(read.alg, createPublicKey({ key: read.key.jwk, format: "jwk" }), opened);
}

test.skipIf(!existsSync(FOLDER)).each([
  // All of ES256 and PS256 but an empty payload, which no JWT has. Keys of other algorithms are none of ours.
  ["json_web_signature_test.json", 7],
  ["json_web_key_test.json", 0],
])("Wycheproof's %s: none accepted that should not be, as a client's key or a proof's", (file, valid) => {
  let accepted = 0;
  for (const { tcId, jws, result, key } of vectorsOf(file)) {
    const verdicts = [isAcceptedAsClients(jws, key), isAcceptedAsProofs(jws, key)];
    if (result !== "valid") expect([tcId, ...verdicts]).toEqual([tcId, false, false]);
    if (verdicts.every(Boolean)) accepted += 1;
  }
  expect(accepted).toBe(valid);
});
