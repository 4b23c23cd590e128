import { createPublicKey, type KeyObject, randomBytes } from "node:crypto";
import type { PrincipalRef } from "../../kernel/actor.js";
import { epochSeconds } from "../../kernel/clock.js";
import { sha256 } from "../../kernel/digest.js";
import { newKeyPair } from "../../kernel/key-pairs.js";
import { isSignedBy } from "../../kernel/signature.js";
import type { App } from "../../platform/app.js";
import { isDuplicateKey, transact } from "../../platform/database.js";
import { type ClientKind, KeyPurpose, type KeyState, purposesIn } from "../entities.js";
import { isAlgorithmOf, keyObstacle } from "../keys/rules.js";
import { OauthRefusal } from "./errors.js";
import {
  type Assertion,
  type AssertionHeader,
  assertionClaims,
  assertionFault,
  assertionHeader,
  audienceSpellings,
  CLOCK_LEEWAY_SECONDS,
  type OpenedToken,
  openToken,
} from "./rules.js";

/** Paths of OAuth's endpoints under the public URL. */
export const [TOKEN_PATH, REVOCATION_PATH] = ["/oauth/token", "/oauth/revoke"] as const;

const ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const PURGED_MAX = 100;
const UNKNOWN = "The client is unknown, or its key is, or the signature does not hold.";

/** A client with one of its keys, as the database answers them. */
export interface ClientRow {
  readonly tenant_id: string;
  readonly tenant_no: number;
  readonly client_id: string;
  readonly partner_id: string | null;
  readonly kind: ClientKind;
  readonly scope_list: string;
  /** 1 where it is given tokens that are bound to a key and no others (RFC 9449, section 5.2). */
  readonly dpop_bound_access_tokens: number;
  readonly key_id: string;
  readonly state: KeyState;
  readonly purpose_list: string;
  readonly not_before: Date | null;
  readonly expires_at: Date | null;
}

/** A client that proved who it is, by an assertion that is not spent yet. */
export interface AuthenticatedClient {
  readonly client: ClientRow;
  readonly assertion: Assertion;
}

/**
 * Authenticates a client by its assertion (`private_key_jwt`; RFC 7523, section 3), made for the issuer, its token
 * endpoint or the endpoint that is asked. Throws `OauthRefusal`: who is unknown and who signs wrongly is told the same,
 * after the same work.
 */
export async function authenticateClient(
  app: App,
  form: ReadonlyMap<string, string>,
  path: typeof TOKEN_PATH | typeof REVOCATION_PATH,
): Promise<AuthenticatedClient> {
  const { header, assertion, opened } = readAssertion(form);
  const found = await clientWithKeyForAllTenants(app, assertion.clientId, header.kid);
  const client = signedBy(app, opened, header, found);
  const { publicUrl, isProduction } = app.config;
  const audiences = audienceSpellings([publicUrl, publicUrl + TOKEN_PATH, publicUrl + path], isProduction);
  const fault = assertionFault(assertion, epochSeconds(app.clock.now()), audiences);
  if (fault !== null) throw new OauthRefusal("INVALID_CLIENT", fault, nameOf(client));
  return { client, assertion };
}

/**
 * Remembers the assertion until it has ended; a second use meets the first one's row and is refused (RFC 7523, section
 * 3, rule 7).
 */
export async function spendAssertion(app: App, client: ClientRow, assertion: Assertion): Promise<void> {
  const { tenant_id: tenantId } = client;
  const { clientId, jti, expiresAt } = assertion;
  const row = [
    clientId,
    sha256(jti).subarray(0, 16),
    tenantId,
    new Date((expiresAt + CLOCK_LEEWAY_SECONDS + 1) * 1_000),
  ];
  try {
    await transact(app, async (tx) => {
      await tx.query("delete from seen_assertion where tenant_id = ? and expires_at < ? order by expires_at limit ?", [
        tenantId,
        app.clock.now(),
        PURGED_MAX,
      ]);
      await tx.query("insert into seen_assertion (client_id, jti_hash, tenant_id, expires_at) values (?)", [row]);
    });
  } catch (error) {
    if (!isDuplicateKey(error)) throw error;
    throw new OauthRefusal("INVALID_CLIENT", "The assertion was used before (jti).", nameOf(client));
  }
}

/** Whether the key of a client is one with which it may authenticate now. */
export function mayAuthenticate(app: App, { state, purpose_list, not_before, expires_at }: ClientRow): boolean {
  const key = { state, purposes: purposesIn(purpose_list), notBefore: not_before, expiresAt: expires_at };
  return keyObstacle(key, KeyPurpose.CLIENT_AUTHENTICATION, app.clock.now()) === null;
}

interface ClientAssertion {
  readonly opened: OpenedToken;
  readonly header: AssertionHeader;
  readonly assertion: Assertion;
}

function readAssertion(form: ReadonlyMap<string, string>): ClientAssertion {
  const text = form.get("client_assertion");
  if (text !== undefined && form.has("client_secret")) {
    throw new OauthRefusal("INVALID_REQUEST", "Authenticate by one method alone."); // RFC 6749, section 5.2
  }
  if (text === undefined || form.get("client_assertion_type") !== ASSERTION_TYPE) {
    throw new OauthRefusal("INVALID_CLIENT", "Authenticate with private_key_jwt (RFC 7523).");
  }
  const opened = openToken(text);
  const header = opened && assertionHeader(opened);
  const assertion = opened && assertionClaims(opened);
  if (opened === null || header === null || assertion === null) {
    throw new OauthRefusal("INVALID_CLIENT", "The assertion lacks what RFC 7523 asks for, or has what it must not.");
  }
  if (form.has("client_id") && form.get("client_id") !== assertion.clientId) {
    throw new OauthRefusal("INVALID_CLIENT", "client_id and the assertion name different clients.");
  }
  return { opened, header, assertion };
}

/** A client, with its key of the kid that was named where it has one. */
interface FoundClient extends Omit<ClientRow, "key_id"> {
  readonly key_id: string | null;
  readonly alg: string;
  readonly public_jwk: string;
}

async function clientWithKeyForAllTenants(app: App, clientId: string, kid: string): Promise<FoundClient | null> {
  const rows: FoundClient[] = await app.database.query(
    `select /* all tenants */ c.tenant_id, t.no as tenant_no, c.id as client_id, c.partner_id, c.kind, c.scope_list,
            c.dpop_bound_access_tokens, k.id as key_id, k.state, k.purpose_list, k.not_before, k.expires_at, k.alg,
            k.public_jwk
       from client c join tenant t on t.id = c.tenant_id
       left join client_key k on k.tenant_id = c.tenant_id and k.client_id = c.id and k.kid = ?
      where c.id = ?`,
    [kid, clientId],
  );
  return rows[0] ?? null;
}

/** Verifies with the client's key, or with one that nobody has, so that both take equally long and answer alike. */
function signedBy(app: App, opened: OpenedToken, { alg }: AssertionHeader, found: FoundClient | null): ClientRow {
  const client = found !== null && hasKey(found) ? found : null;
  const isUsable = client !== null && mayAuthenticate(app, client) && isAlgorithmOf(alg, client.alg);
  const key = isUsable ? createPublicKey({ key: JSON.parse(client.public_jwk), format: "jwk" }) : decoyKey(alg);
  const isSigned = isSignedBy(alg, key, opened);
  if (isUsable && isSigned) return client;
  throw new OauthRefusal("INVALID_CLIENT", UNKNOWN, found === null ? null : nameOf(found));
}

function hasKey(found: FoundClient): found is FoundClient & ClientRow {
  return found.key_id !== null;
}

function nameOf(client: Pick<ClientRow, "tenant_id" | "tenant_no" | "client_id" | "partner_id">): PrincipalRef {
  const { tenant_id: tenantId, tenant_no: tenantNo, client_id: principalId, partner_id: partnerId } = client;
  return { tenantId, tenantNo, principalId, partnerId };
}

const decoys = new Map<string, KeyObject>();

function decoyKey(alg: string): KeyObject {
  let key = decoys.get(alg);
  if (key === undefined) {
    key = newDecoy(alg);
    decoys.set(alg, key);
  }
  return key;
}

function newDecoy(alg: string): KeyObject {
  if (alg === "ES256") return newKeyPair("ec", { namedCurve: "P-256" }).publicKey;
  if (alg === "ES384") return newKeyPair("ec", { namedCurve: "P-384" }).publicKey;
  if (alg !== "PS256") return newKeyPair("ed25519").publicKey;
  const modulus = randomBytes(256); // no product of two primes, but as long to compute with, and made at once
  modulus.writeUInt8(modulus.readUInt8(0) | 0x80, 0);
  modulus.writeUInt8(modulus.readUInt8(255) | 1, 255);
  return createPublicKey({ key: { kty: "RSA", n: modulus.toString("base64url"), e: "AQAB" }, format: "jwk" });
}
