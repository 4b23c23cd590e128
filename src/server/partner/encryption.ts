import { createPrivateKey, type KeyObject } from "node:crypto";
import { readFile } from "node:fs/promises";
import { z } from "zod";
import { EncryptionCheck, type RecipientKey } from "../../identity/encryption/entities.js";
import { encryptFor, isEncrypted, openEncrypted, readEncryptedHeader } from "../../identity/encryption/service.js";
import type { Session } from "../partner-client.js";
import { BATCH_TYPE } from "./payload.js";

const KEYS = "{ encryptionKeys(first: 500) { edges { node { kid kind publicJwk retiredAt } } } }";
const Listed = z.object({
  encryptionKeys: z.object({
    edges: z.array(
      z.object({
        node: z.object({
          ...{ kid: z.string(), kind: z.string(), publicJwk: z.string() },
          retiredAt: z.string().nullable(),
        }),
      }),
    ),
  }),
});
const EncryptionJwk = z.looseObject({ kty: z.enum(["EC", "OKP", "RSA"]), kid: z.string(), use: z.literal("enc") });
const JwkSet = z.object({ keys: z.array(z.unknown()) });
const PrivateJwk = z.looseObject({ kty: z.string(), d: z.string() });

/** A signed batch, encrypted for the tenant (compact JWE). */
export function encryptBatch(jws: string, recipient: RecipientKey): Promise<string> {
  return encryptFor(recipient, jws, { cty: BATCH_TYPE });
}

/** The key that the session's tenant has its batches encrypted for now, as the server says. */
export async function tenantKey(session: Session): Promise<RecipientKey> {
  const { edges } = (await session.graphql(Listed, KEYS)).encryptionKeys;
  const current = edges.map(({ node }) => node).filter(({ retiredAt }) => retiredAt === null);
  const key = current.find(({ kind }) => kind === "EC") ?? current[0];
  if (key === undefined) throw new Error("The tenant has no encryption key.");
  return { kid: key.kid, publicJwk: JSON.parse(key.publicJwk) };
}

/** The encryption key of a JWK or JWK Set, by its kid where there are several; throws a sentence when it finds none. */
export function recipientIn(jwks: unknown, kid: string | undefined): RecipientKey {
  const set = JwkSet.safeParse(jwks);
  const keys = (set.success ? set.data.keys : [jwks]).flatMap((key) => EncryptionJwk.safeParse(key).data ?? []);
  const named = kid === undefined ? keys : keys.filter((key) => key.kid === kid);
  const [key, ...others] = named;
  if (key === undefined) throw new Error("There is no such encryption key (a JWK with `kid` and `use: enc`).");
  if (others.length > 0) throw new Error("There are several encryption keys: name one with --encrypt-kid.");
  return { kid: key.kid, publicJwk: key };
}

/**
 * A document as it was signed, or the check that keeps it closed. One that is encrypted is opened with the private JWK
 * in that file; throws a sentence where none is named.
 */
export async function signedDocument(
  text: string,
  cty: string,
  keyFile: string | undefined,
): Promise<{ readonly jws: string } | { readonly fault: `${EncryptionCheck}` }> {
  if (!isEncrypted(text)) return { jws: text };
  if (keyFile === undefined) throw new Error("The file is encrypted: name your private key with --key.");
  const key = await privateKeyIn(keyFile);
  const header = readEncryptedHeader(text, cty);
  if ("check" in header) return { fault: header.check };
  const content = await openEncrypted(text, header, key);
  return "check" in content ? { fault: content.check } : { jws: content.toString("latin1") };
}

/** What the platform encrypts for partners, by `cty`. */
const OUTGOING = [
  ...["quittance-statement+jws", "quittance-receipt+jws", "pdf", "text/csv"],
  "vnd.openxmlformats-officedocument.spreadsheetml.sheet",
];

/** What the platform encrypted for the private JWK in that file, and as what; throws a sentence where it did not. */
export async function openedDocument(
  jwe: string,
  keyFile: string,
): Promise<{ readonly cty: string; readonly bytes: Uint8Array }> {
  const key = await privateKeyIn(keyFile);
  for (const cty of OUTGOING) {
    const header = readEncryptedHeader(jwe, cty);
    if ("check" in header && header.check === EncryptionCheck.CTY) continue;
    const content = "check" in header ? header : await openEncrypted(jwe, header, key);
    if ("check" in content) throw new Error(`It does not open: ${content.check}.`);
    return { cty, bytes: content };
  }
  throw new Error(`It does not open: ${EncryptionCheck.CTY}.`);
}

async function privateKeyIn(file: string): Promise<KeyObject> {
  const jwk = PrivateJwk.safeParse(JSON.parse(await readFile(file, "utf8")));
  if (!jwk.success) throw new Error(`${file} is not a private JWK; "quittance keygen --use enc" makes one.`);
  return createPrivateKey({ key: jwk.data, format: "jwk" });
}
