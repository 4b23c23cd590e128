/** How an account is named to a bank: by its IBAN, or by its number and the bank that keeps it. */
export interface BankAccount {
  readonly iban: string | null;
  /** Where there is no IBAN: as the bank that keeps the account writes it. */
  readonly number: string | null;
  readonly bic: string | null;
  /** The bank by a national code: the clearing system's code (ISO 20022) and the bank's within it. */
  readonly clearing: { readonly system: string; readonly member: string } | null;
}

/** What somebody says of an account; blanks are how people write, and mean nothing. */
export interface StatedAccount {
  readonly iban?: string | null | undefined;
  readonly accountNumber?: string | null | undefined;
  readonly bic?: string | null | undefined;
  readonly clearingSystem?: string | null | undefined;
  readonly clearingMember?: string | null | undefined;
}

/** Why an account is none: the member at fault and what is wrong with it, never what it says. */
export interface AccountFault {
  readonly path: string;
  readonly reason: string;
}

/** Length of the IBANs of each country that has them (ISO 13616, IBAN registry). */
const IBAN_LENGTHS: ReadonlyMap<string, number> = new Map(
  (
    "NO15 BE16 DK18 FI18 FK18 FO18 GL18 NL18 SD18 MK19 SI19 AT20 BA20 EE20 KZ20 LT20 LU20 MN20 XK20 CH21 HR21 LI21 " +
    "LV21 BG22 BH22 CR22 DE22 GB22 GE22 IE22 ME22 RS22 VA22 AE23 GI23 IL23 IQ23 OM23 SO23 TL23 AD24 CZ24 ES24 MD24 " +
    "PK24 RO24 SA24 SE24 SK24 TN24 VG24 LY25 PT25 ST25 IS26 TR26 BI27 DJ27 FR27 GR27 IT27 MC27 MR27 SM27 AL28 AZ28 " +
    "BY28 CY28 DO28 GT28 HN28 HU28 LB28 NI28 PL28 SV28 BR29 EG29 PS29 QA29 UA29 JO30 KW30 MU30 YE30 MT31 SC31 LC32 RU33"
  )
    .split(" ")
    .map((entry) => [entry.slice(0, 2), Number(entry.slice(2))]),
);

const IBAN_PATTERN = /^[A-Z]{2}\d{2}[A-Z0-9]{1,30}$/;
const IBAN_MODULUS = 97n;
const BIC_PATTERN = /^[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}(?:[A-Z0-9]{3})?$/;
const NUMBER_PATTERN = /^(?=.*\d)[A-Za-z0-9](?:[A-Za-z0-9-]{0,32}[A-Za-z0-9])?$/;
const SYSTEM_PATTERN = /^[A-Z]{2}[A-Z0-9]{1,3}$/;
const MEMBER_PATTERN = /^[A-Z0-9-]{1,28}$/;

/** Whether a text without blanks is an IBAN: its country's length, and 1 modulo 97 (ISO 13616, ISO 7064 MOD 97-10). */
export function isIban(text: string): boolean {
  return IBAN_PATTERN.test(text) && text.length === IBAN_LENGTHS.get(text.slice(0, 2)) && remainder(text) === 1n;
}

/** The two check digits of a country's account number (ISO 7064 MOD 97-10). */
export function ibanCheckDigits(country: string, bban: string): string {
  return String(IBAN_MODULUS + 1n - remainder(`${country}00${bban}`)).padStart(2, "0");
}

/** Whether a text has the form of a business identifier code (ISO 9362). */
function isBic(text: string): boolean {
  return BIC_PATTERN.test(text);
}

/** The account that is stated: an IBAN, or a number with its bank by BIC, clearing code or both; else its fault. */
export function bankAccountOf(stated: StatedAccount): BankAccount | AccountFault {
  const written: Written = {
    iban: dense(stated.iban)?.toUpperCase() ?? null,
    number: dense(stated.accountNumber),
    bic: dense(stated.bic)?.toUpperCase() ?? null,
    system: dense(stated.clearingSystem),
    member: dense(stated.clearingMember),
  };
  const fault = FAULTS.find(({ isAt }) => isAt(written));
  if (fault !== undefined) return { path: fault.path, reason: fault.reason };
  const { system, member, ...account } = written;
  return { ...account, clearing: system === null || member === null ? null : { system, member } };
}

/** What was stated, without blanks. */
interface Written {
  readonly iban: string | null;
  readonly number: string | null;
  readonly bic: string | null;
  readonly system: string | null;
  readonly member: string | null;
}

interface Fault extends AccountFault {
  readonly isAt: (written: Written) => boolean;
}

/** The first that is met is told. */
const FAULTS: readonly Fault[] = [
  {
    path: "/bic",
    reason: "A BIC has 8 or 11 characters (ISO 9362).",
    isAt: ({ bic }) => bic !== null && !isBic(bic),
  },
  {
    path: "/clearingMember",
    reason: "A clearing system and the bank's code in it are given together.",
    isAt: ({ system, member }) => (system === null) !== (member === null),
  },
  {
    path: "/clearingSystem",
    reason: "A clearing system is an ISO 20022 code such as KRBOK or USABA.",
    isAt: ({ system }) => system !== null && !SYSTEM_PATTERN.test(system),
  },
  {
    path: "/clearingMember",
    reason: "A bank's code is 1–28 capital letters, digits and hyphens.",
    isAt: ({ member }) => member !== null && !MEMBER_PATTERN.test(member),
  },
  {
    path: "/accountNumber",
    reason: "Give an IBAN or an account number, not both.",
    isAt: ({ iban, number }) => iban !== null && number !== null,
  },
  {
    path: "/iban",
    reason: "Give an IBAN or an account number.",
    isAt: ({ iban, number }) => iban === null && number === null,
  },
  {
    path: "/iban",
    reason: "The IBAN has not the length of its country, or its check digits are wrong.",
    isAt: ({ iban }) => iban !== null && !isIban(iban),
  },
  {
    path: "/accountNumber",
    reason: "An account number is 1–34 letters, digits and hyphens inside, with a digit.",
    isAt: ({ number }) => number !== null && !NUMBER_PATTERN.test(number),
  },
  {
    path: "/bic",
    reason: "An account number needs its bank: a BIC or a clearing code.",
    isAt: ({ number, bic, system }) => number !== null && bic === null && system === null,
  },
];

/** Whether an account is at fault. */
export function isFault(account: BankAccount | AccountFault): account is AccountFault {
  return "reason" in account;
}

/** An account's number for those who may not see it: an IBAN's country, at most the last four, never half of it. */
export function maskedNumber({ iban, number }: Pick<BankAccount, "iban" | "number">): string {
  const text = iban ?? number ?? "";
  const shown = Math.min(4, Math.floor(text.length / 3));
  return `${iban?.slice(0, 2) ?? ""}****${text.slice(text.length - shown)}`;
}

/** Whether banks transfer a currency: three letters and at most five decimals (ISO 20022, ActiveOrHistoricCurrency). */
export function isBankCurrency(currency: string, scale: number): boolean {
  return /^[A-Z]{3}$/.test(currency) && scale <= 5;
}

function dense(text: string | null | undefined): string | null {
  const left = text?.replace(/\s+/g, "") ?? "";
  return left === "" ? null : left;
}

/** The country and check digits behind the rest, letters as two digits each, modulo 97. */
function remainder(iban: string): bigint {
  const turned = iban.slice(4) + iban.slice(0, 4);
  const digits = turned.replace(/[A-Z]/g, (letter) => String(letter.charCodeAt(0) - 55));
  return BigInt(digits) % IBAN_MODULUS;
}
