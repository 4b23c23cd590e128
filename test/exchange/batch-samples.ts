import { readFileSync } from "node:fs";
import { Ajv2020 } from "ajv/dist/2020.js";
import { CompactSign, exportJWK, generateKeyPair } from "jose";
import { BATCH_LIMITS } from "../../src/exchange/envelope.js";
import type { VerificationKey } from "../../src/exchange/jws.js";
import { type Item, type ItemResult, validateItems } from "../../src/exchange/validate.js";
import { CodedError } from "../../src/kernel/errors.js";

/** The instant that the samples were signed at. */
export const SIGNED_AT = new Date("2025-11-24T16:00:00.000Z");

/** The items of the contract's own example. */
export const ITEMS = [
  {
    id: "854-B",
    kind: "BET",
    product: "crash",
    brand: "main",
    round: "3294811",
    player: "34dea495d98d3f86",
    amount: "0.00010000",
    currency: "BTC",
    occurredAt: "2021-10-31T15:38:43.000Z",
  },
  {
    id: "854-R",
    kind: "ROLLBACK",
    reverses: "854-B",
    product: "crash",
    amount: "0.00010000",
    currency: "BTC",
    occurredAt: "2021-10-31T15:39:02.000Z",
  },
] as const;

/** A payload in order, with whatever the test puts over it. */
export function payloadWith(over: Record<string, unknown> = {}): Record<string, unknown> {
  const iat = SIGNED_AT.getTime() / 1000;
  return { iss: "ptn_1", aud: "tnt_1", jti: "batch-1", iat, transactions: ITEMS, ...over };
}

/** A key pair as a partner holds it: the registered half, and a way to sign any header and bytes with the other. */
export interface SigningKey {
  readonly registered: VerificationKey;
  readonly sign: (payload: unknown, header?: Record<string, unknown>) => Promise<string>;
}

/** A new pair; `alg` is also the header's, unless the test says otherwise. */
export async function newSigningKey(alg: string, kid = "key-1"): Promise<SigningKey> {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
  const publicJwk = JSON.stringify({ ...(await exportJWK(publicKey)), alg, use: "sig", kid });
  return {
    registered: { kid, alg, publicJwk },
    sign: (payload, header = {}) => {
      const text = typeof payload === "string" ? payload : JSON.stringify(payload);
      const protectedHeader = { alg, kid, typ: "quittance-batch+jws", ...header };
      return new CompactSign(Buffer.from(text)).setProtectedHeader(protectedHeader).sign(privateKey);
    },
  };
}

/** The three parts put together by hand, where a signing library would refuse. */
export function compact(header: string, payload: string | Uint8Array, signature = "AAAA"): string {
  return `${Buffer.from(header).toString("base64url")}.${Buffer.from(payload).toString("base64url")}.${signature}`;
}

/** A header in order, as text, with other members put over it. */
export function headerText(over: Record<string, unknown> = {}): string {
  return JSON.stringify({ alg: "EdDSA", kid: "key-1", typ: "quittance-batch+jws", ...over });
}

/** Limits small enough to cross in a test. */
export const SMALL_LIMITS = { ...BATCH_LIMITS, bytesMax: 2_000, itemsMax: 3 };

/** Kinds that name a product because a player played, those of jackpots, all of a partner's, and the tenant's own. */
export const PLAY_KINDS = ["BET", "WIN", "BONUS", "BONUS_BET", "BONUS_WIN"];
export const JACKPOT_KINDS = ["JACKPOT_CONTRIBUTION", "JACKPOT_WIN"];
export const PARTNER_KINDS = [...PLAY_KINDS, ...JACKPOT_KINDS, "ROLLBACK", "FEE", "CREDIT_PURCHASE", "CREDIT_DRAWDOWN"];
export const TENANT_KINDS = ["ADJUSTMENT", "CHARGEBACK", "ACQUISITION"];

const UNPRICED = { id: "t-1", currency: "USD", occurredAt: "2025-11-24T12:00:00.000Z" };

/** A bet in order. */
export const BET = { ...UNPRICED, amount: "1.00", kind: "BET", product: "crash" };

/** The least that a transaction of that kind must carry. */
export function leastOf(kind: string): Record<string, unknown> {
  if (kind === "ACQUISITION") return { ...UNPRICED, kind, units: 3 };
  const priced = { ...UNPRICED, amount: "1.00", kind };
  if (kind === "ROLLBACK") return { ...priced, reverses: "t-0" };
  return [...PLAY_KINDS, ...JACKPOT_KINDS].includes(kind) ? { ...priced, product: "crash" } : priced;
}

/** The answer to one transaction, signed by the tenant unless the test says otherwise. */
export function validate(transaction: unknown, signer = { isTenant: true }): ItemResult {
  const [result] = validateItems([transaction], signer);
  if (result === undefined) throw new Error("no answer");
  return result;
}

/** The item of a transaction that is in shape. */
export function itemOf(transaction: unknown): Item {
  const result = validate(transaction);
  if (!result.ok) throw new Error(`${result.path} ${result.message}`);
  return result.item;
}

const schema: object = JSON.parse(readFileSync(new URL("../../schema/batch.schema.json", import.meta.url), "utf8"));

/** Whether a payload is one by `schema/batch.schema.json`. */
export const isInSchema = new Ajv2020({ strict: true, strictRequired: false }).compile(schema);

/** Whether the schema and the checks give one answer to a transaction. */
export function isAgreedOn(transaction: unknown): boolean {
  return isInSchema(payloadWith({ transactions: [transaction] })) === validate(transaction).ok;
}

/** The refusal that reading throws. */
export function refusalOf(read: () => unknown): CodedError {
  try {
    read();
  } catch (error) {
    if (error instanceof CodedError) return error;
    throw error;
  }
  throw new Error("was accepted");
}
