import { registerEnumType } from "type-graphql";

/** What is looked at in a signed batch, in the order in which submitting one meets it. */
export enum SignatureTestCheck {
  PARTS = "PARTS",
  BASE64URL = "BASE64URL",
  HEADER_JSON = "HEADER_JSON",
  HEADER_MEMBER = "HEADER_MEMBER",
  ALG = "ALG",
  KID = "KID",
  TYP = "TYP",
  KEY = "KEY",
  KEY_STATE = "KEY_STATE",
  KEY_ALG = "KEY_ALG",
  SIGNATURE = "SIGNATURE",
  PAYLOAD = "PAYLOAD",
  ISSUER = "ISSUER",
  AUDIENCE = "AUDIENCE",
  ISSUED_AT = "ISSUED_AT",
  TRANSACTIONS = "TRANSACTIONS",
}

registerEnumType(SignatureTestCheck, {
  name: "SignatureTestCheck",
  description: "What is looked at in a signed batch.",
  valuesConfig: {
    PARTS: { description: "Three parts, joined by dots (RFC 7515, section 7.1)." },
    BASE64URL: { description: "Each part is base64url without padding, in its one spelling." },
    HEADER_JSON: { description: "The header is one JSON object without repeated names." },
    HEADER_MEMBER: { description: "The header has `alg`, `kid` and `typ` and nothing else." },
    ALG: { description: "The algorithm is one of EdDSA, Ed25519, ES256, ES384, PS256." },
    KID: { description: "There is a usable key id." },
    TYP: { description: "The type is `quittance-batch+jws`." },
    KEY: { description: "The key is registered, and the caller's own." },
    KEY_STATE: { description: "The key may sign batches now." },
    KEY_ALG: { description: "The algorithm is the key's own." },
    SIGNATURE: { description: "The signature is the key's over these bytes." },
    PAYLOAD: { description: "The payload is JSON in the form of a batch." },
    ISSUER: { description: "`iss` is the caller, and `sub` an account it may send for." },
    AUDIENCE: { description: "`aud` is the tenant." },
    ISSUED_AT: { description: "`iat` is within five minutes of our time." },
    TRANSACTIONS: { description: "Every transaction is in shape." },
  },
});

/** How a check came out. */
export enum SignatureTestOutcome {
  PASSED = "PASSED",
  FAILED = "FAILED",
  NOT_REACHED = "NOT_REACHED",
}

registerEnumType(SignatureTestOutcome, {
  name: "SignatureTestOutcome",
  description: "How a check came out.",
  valuesConfig: {
    PASSED: { description: "It holds." },
    FAILED: { description: "It does not hold; `code` and `reason` say why." },
    NOT_REACHED: { description: "It could not be looked at, because of what failed before." },
  },
});
