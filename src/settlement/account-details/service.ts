import { canonicalJson } from "../../kernel/canonical-json.js";
import type { App } from "../../platform/app.js";
import { type Vault, vaultOf } from "../../tenancy/vaults/service.js";
import { type BankAccount, bankAccountOf, isFault, maskedNumber, type StatedAccount } from "../bank-accounts/rules.js";
import { settlementError } from "../errors.js";
import { latinOf } from "../latin/rules.js";
import type { PayoutAccount } from "../payout-accounts/entities.js";
import type { Holder } from "../payout-messages/rules.js";

const LATIN_NAME_LENGTH_MAX = 70;
const TOWN_LENGTH_MAX = 35;

/** An account as somebody registers it. */
export interface NewPayoutAccount extends StatedAccount {
  /** Null where the tenant pays from it. */
  readonly partnerId: string | null;
  /** A receiver of the terms' splits; empty for the partner itself. */
  readonly payee: string;
  readonly currency: string;
  readonly holderName: string;
  /** Null where it follows from the holder's name. */
  readonly latinName: string | null;
  readonly country: string;
  readonly town: string | null;
}

/** What an account says of itself, its number sealed. */
export type AccountDetails = Omit<
  PayoutAccount,
  "tenantId" | "id" | "state" | "registeredBy" | "registeredAt" | "decidedBy" | "decidedAt" | "supersededAt"
>;

/**
 * The details of an account, checked. Refused (`VALIDATION`): an IBAN or a BIC that is none, a number without a bank,
 * and a name or town that has no form in the letters of banks.
 */
export async function checkedDetails(app: App, tenantId: string, input: NewPayoutAccount): Promise<AccountDetails> {
  const account = bankAccountOf(input);
  if (isFault(account)) throw settlementError("VALIDATION", { path: account.path, reason: account.reason });
  const { partnerId, payee, currency, holderName, country } = input;
  const number = account.iban ?? account.number ?? "";
  const vault = await vaultOf(app, tenantId);
  return {
    ...{ partnerId, payee, currency, holderName: holderName.trim(), country },
    ...{ latinName: latinNameOf(input), town: townOf(input) },
    isIban: account.iban !== null,
    numberSealed: vault.seal(Buffer.from(number), sealPurpose(tenantId)),
    numberMasked: maskedNumber(account),
    fingerprint: fingerprintOf(vault, tenantId, account),
    bic: account.bic,
    clearingSystem: account.clearing?.system ?? null,
    clearingMember: account.clearing?.member ?? null,
  };
}

/** The number of an account, for those who may see it and for files. */
export async function numberOf(app: App, { tenantId, numberSealed }: PayoutAccount): Promise<string> {
  return (await vaultOf(app, tenantId)).unseal(numberSealed, sealPurpose(tenantId)).toString();
}

/** An account as payment messages name it. */
export async function holderOf(app: App, account: PayoutAccount): Promise<Holder> {
  const { latinName: name, country, town, isIban, bic, clearingSystem: system, clearingMember: member } = account;
  const number = await numberOf(app, account);
  const clearing = system === null || member === null ? null : { system, member };
  const named = isIban ? { iban: number, number: null } : { iban: null, number };
  return { name, country, town, account: { ...named, bic, clearing } };
}

/** The keyed hash of an account's number and bank, made again; throws where the number does not open. */
export async function fingerprintAgain(app: App, account: PayoutAccount): Promise<Buffer> {
  const { account: named } = await holderOf(app, account);
  return fingerprintOf(await vaultOf(app, account.tenantId), account.tenantId, named);
}

function latinNameOf({ holderName, latinName }: NewPayoutAccount): string {
  const latin = latinOf(latinName ?? holderName);
  if (latin !== null && latin.length <= LATIN_NAME_LENGTH_MAX) return latin;
  const reason = `Give the name in 1–${LATIN_NAME_LENGTH_MAX} Latin letters, as the bank keeps it.`;
  throw settlementError("VALIDATION", { path: "/latinName", reason });
}

function townOf({ town }: NewPayoutAccount): string | null {
  if (town === null) return null;
  const latin = latinOf(town);
  if (latin !== null && latin.length <= TOWN_LENGTH_MAX) return latin;
  throw settlementError("VALIDATION", { path: "/town", reason: `A town is 1–${TOWN_LENGTH_MAX} Latin letters.` });
}

function sealPurpose(tenantId: string): string {
  return `payout-account:${tenantId}`;
}

/** Keyed, since account numbers are few enough to be tried out. */
function fingerprintOf(vault: Vault, tenantId: string, account: BankAccount): Buffer {
  const text = canonicalJson({ purpose: sealPurpose(tenantId), ...account });
  return vault.mac(text);
}
