import type { Actor } from "../../kernel/actor.js";
import { sha256 } from "../../kernel/digest.js";
import { CodedError } from "../../kernel/errors.js";
import { StrictJsonFault } from "../../kernel/strict-json.js";
import type { App } from "../../platform/app.js";
import { checkIssuedAt, checkSignature, isRecord, parseJson, readJws } from "../jws.js";
import { usableKey } from "../submission/service.js";
import { documentError } from "./errors.js";

/** What came in, of which type it must be, and how many characters of compact JWS it may have. */
export interface Received {
  readonly jws: string;
  readonly typ: string;
  readonly bytesMax: number;
}

/** Which document it is, whoever signed it: good for finding a replay. */
export interface DocumentName {
  readonly jti: string;
  readonly payloadSha256: Buffer;
}

/** A document that the caller's own partner signed, verified. */
export interface SignedDocument extends DocumentName {
  readonly kid: string;
  readonly keyId: string;
  /** Its members besides `iss`, `aud`, `jti` and `iat`; their shape is for the reader to check. */
  readonly content: Readonly<Record<string, unknown>>;
}

/** A document that is new, or what a known one came to. */
export type Reception<T> =
  | { readonly document: SignedDocument; readonly known: null }
  | { readonly document: null; readonly known: T };

/**
 * Receives a signed document other than a batch, by the order of the contract: limits, form and parties; then whether
 * it is known, whatever its `iat` and its key's state are by now; then key, signature and `iat`. Only a partner's own
 * client may send one, signed by that partner.
 */
export async function receiveDocument<T>(
  app: App,
  actor: Actor,
  { jws, typ, bytesMax }: Received,
  findKnown: (name: DocumentName) => Promise<T | null>,
): Promise<Reception<T>> {
  if (jws.length > bytesMax) throw documentError("LIMIT_EXCEEDED", { unit: "bytes", max: bytesMax });
  const { header, payload: bytes } = readJws(jws, typ);
  const payload = readPayload(bytes);
  const payloadSha256 = sha256(bytes);
  if (!(payload instanceof CodedError)) {
    checkParties(actor, payload);
    const known = await findKnown({ jti: payload.jti, payloadSha256 });
    if (known !== null) return { document: null, known };
  }
  const key = await usableKey(app, actor, header.kid);
  checkSignature(jws, header, key);
  if (payload instanceof CodedError) throw payload;
  const { iat, jti, content } = payload;
  checkIssuedAt(iat, app.clock.now());
  return { document: { jti, payloadSha256, kid: header.kid, keyId: key.id, content }, known: null };
}

interface Payload {
  readonly iss: string;
  readonly aud: string;
  readonly jti: string;
  readonly iat: number;
  readonly content: Readonly<Record<string, unknown>>;
}

const CODE = /^[A-Za-z0-9._:-]{1,64}$/;

function readPayload(bytes: Buffer): Payload | CodedError {
  const payload = parseJson(bytes);
  if (payload instanceof StrictJsonFault) return refusal("/", "is not JSON in UTF-8 without repeated names");
  if (!isRecord(payload)) return refusal("/", "must be a JSON object");
  const { iss, aud, jti, iat, ...content } = payload;
  if (!isCode(iss)) return refusal("/iss", CODE_REASON);
  if (!isCode(aud)) return refusal("/aud", CODE_REASON);
  if (!isCode(jti)) return refusal("/jti", CODE_REASON);
  if (typeof iat !== "number" || !Number.isSafeInteger(iat) || iat < 0) {
    return refusal("/iat", "must be whole seconds since 1970");
  }
  return { iss, aud, jti, iat, content };
}

const CODE_REASON = "must be 1 to 64 of [A-Za-z0-9._:-]";

function checkParties({ tenantId, partnerId }: Actor, { iss, aud }: Payload): void {
  if (aud !== tenantId) throw documentError("NOT_FOUND", { what: "audience", path: "/aud" });
  if (iss !== partnerId) throw documentError("KEY_NOT_OWNED", { path: "/iss" });
}

function isCode(value: unknown): value is string {
  return typeof value === "string" && CODE.test(value);
}

function refusal(path: string, reason: string): CodedError {
  return documentError("VALIDATION", { path, reason });
}
