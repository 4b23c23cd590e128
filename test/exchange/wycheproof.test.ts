import "reflect-metadata";
import { existsSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { BatchMode } from "../../src/exchange/entities.js";
import { type Envelope, readEnvelope, verifyEnvelope } from "../../src/exchange/envelope.js";
import { sha256 } from "../../src/kernel/digest.js";
import { CodedError } from "../../src/kernel/errors.js";
import { refusalOf, SIGNED_AT } from "./batch-samples.js";

const VECTORS = new URL("../../../shared/vectors/wycheproof/json_web_signature_test.json", import.meta.url);

interface VectorGroup {
  readonly public?: Record<string, unknown>;
  readonly private?: Record<string, unknown>;
  readonly tests: readonly { readonly tcId: number; readonly jws: unknown; readonly result: string }[];
}

/** The foreign JWS as an envelope of ours, past the checks of header members that only our batches have. */
function foreignEnvelope(jws: string): Envelope | CodedError {
  const foreign = new Set<unknown>(["KID", "TYP", "HEADER_MEMBER"]);
  const refused = refusalOf(() => readEnvelope(jws));
  if (!foreign.has(refused.details.check)) return refused;
  const { alg = "", kid = "" } = JSON.parse(Buffer.from(jws.split(".")[0] ?? "", "base64url").toString());
  const claims = { iss: "x", sub: "x", aud: "x", jti: "x", iat: SIGNED_AT.getTime() / 1000, mode: BatchMode.ATOMIC };
  const cover = { header: { alg, kid }, stated: null, payloadSha256: sha256(""), payloadBytes: 0 };
  return { jws, ...cover, payload: { claims, transactions: [] } };
}

test.skipIf(!existsSync(VECTORS))(
  "Wycheproof's signatures: none accepted that should not be, ours all accepted",
  async () => {
    const { testGroups }: { testGroups: VectorGroup[] } = JSON.parse(readFileSync(VECTORS, "utf8"));
    let accepted = 0;
    for (const { public: publicJwk, private: privateJwk, tests } of testGroups) {
      const jwk = publicJwk ?? privateJwk ?? {};
      for (const { tcId, jws, result } of tests) {
        const envelope = typeof jws === "string" ? foreignEnvelope(jws) : null;
        if (envelope === null || envelope instanceof CodedError) continue;
        const registered = { kid: envelope.header.kid, alg: String(jwk["alg"]), publicJwk: JSON.stringify(jwk) };
        const verified = await (async () => verifyEnvelope(envelope, registered, SIGNED_AT))().catch(() => null);
        if (verified !== null) accepted++;
        expect(verified !== null, `vector ${tcId}`).toBe(result === "valid");
      }
    }
    expect(accepted).toBe(8); // all of ES256 and PS256; two RFC 7520 figures call a PS256 key's algorithm PS384
  },
);
