import { decimalText } from "../../kernel/money.js";
import type { BankAccount } from "../bank-accounts/rules.js";

/** The message's version: CustomerCreditTransferInitiationV09 (ISO 20022). */
const MESSAGE_NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:pain.001.001.09";

/** Whose account it is and where; all texts in the letters that banks take (`latin/rules`). */
export interface Holder {
  readonly name: string;
  /** ISO 3166-1, two letters. */
  readonly country: string;
  readonly town: string | null;
  readonly account: BankAccount;
}

/** One credit transfer. */
export interface Transfer {
  /** At most 35 letters of banks, as are all ids. */
  readonly instructionId: string;
  readonly endToEndId: string;
  readonly amountMinor: bigint;
  /** `YYYY-MM-DD`. */
  readonly executeOn: string;
  readonly creditor: Holder;
  /** For the creditor to read: at most 140 letters of banks. */
  readonly remittance: string;
}

/** What a bank is asked to pay from one account, in one currency. */
export interface PaymentOrder {
  readonly id: string;
  readonly createdAt: Date;
  readonly debtor: Holder;
  readonly currency: string;
  /** Decimals of the currency. */
  readonly scale: number;
  /** At least one. */
  readonly transfers: readonly Transfer[];
}

/**
 * A pain.001.001.09 message (schema/payout-file.xsd): a payment information for each date, the earliest first, its
 * transfers as they stand. Same order, same bytes.
 */
export function paymentMessage(order: PaymentOrder): string {
  const dates = [...new Set(order.transfers.map(({ executeOn }) => executeOn))].sort();
  const header = element("GrpHdr", [
    element("MsgId", order.id),
    element("CreDtTm", `${order.createdAt.toISOString().slice(0, 19)}Z`),
    ...controls(order, order.transfers),
    element("InitgPty", [element("Nm", order.debtor.name)]),
  ]);
  const payments = dates.map((date, index) => paymentOf(order, date, `${order.id}-${index + 1}`));
  const body = element("CstmrCdtTrfInitn", [header, ...payments]);
  const document = [`<Document xmlns="${MESSAGE_NAMESPACE}">`, ...indented(body), "</Document>"];
  return `<?xml version="1.0" encoding="UTF-8"?>\n${document.join("\n")}\n`;
}

/** The lines of an element. */
type Lines = readonly string[];

function paymentOf(order: PaymentOrder, date: string, id: string): Lines {
  const transfers = order.transfers.filter(({ executeOn }) => executeOn === date);
  const { debtor, currency } = order;
  return element("PmtInf", [
    element("PmtInfId", id),
    element("PmtMtd", "TRF"),
    ...controls(order, transfers),
    element("ReqdExctnDt", [element("Dt", date)]),
    element("Dbtr", partyOf(debtor)),
    element("DbtrAcct", [accountIdOf(debtor.account), element("Ccy", currency)]),
    element("DbtrAgt", [element("FinInstnId", bankOf(debtor.account) ?? UNNAMED_BANK)]),
    ...transfers.map((transfer) => transferOf(order, transfer)),
  ]);
}

/** A debtor's bank must be named; of an IBAN alone the receiver of the message knows it. */
const UNNAMED_BANK: readonly Lines[] = [element("Othr", [element("Id", "NOTPROVIDED")])];

function transferOf({ currency, scale }: PaymentOrder, transfer: Transfer): Lines {
  const { instructionId, endToEndId, amountMinor, creditor, remittance } = transfer;
  const bank = bankOf(creditor.account);
  return element("CdtTrfTxInf", [
    element("PmtId", [element("InstrId", instructionId), element("EndToEndId", endToEndId)]),
    element("Amt", [[`<InstdAmt Ccy="${currency}">${decimalText(amountMinor, scale)}</InstdAmt>`]]),
    ...(bank === null ? [] : [element("CdtrAgt", [element("FinInstnId", bank)])]),
    element("Cdtr", partyOf(creditor)),
    element("CdtrAcct", [accountIdOf(creditor.account)]),
    element("RmtInf", [element("Ustrd", remittance)]),
  ]);
}

/** How many there are and what they come to, exactly. */
function controls({ scale }: PaymentOrder, transfers: readonly Transfer[]): readonly Lines[] {
  const sum = transfers.reduce((total, { amountMinor }) => total + amountMinor, 0n);
  return [element("NbOfTxs", String(transfers.length)), element("CtrlSum", decimalText(sum, scale))];
}

function partyOf({ name, country, town }: Holder): readonly Lines[] {
  const place = [...(town === null ? [] : [element("TwnNm", town)]), element("Ctry", country)];
  return [element("Nm", name), element("PstlAdr", place)];
}

function accountIdOf({ iban, number }: BankAccount): Lines {
  if (iban !== null) return element("Id", [element("IBAN", iban)]);
  return element("Id", [element("Othr", [element("Id", number ?? "")])]);
}

function bankOf({ bic, clearing }: BankAccount): readonly Lines[] | null {
  if (bic === null && clearing === null) return null;
  const member =
    clearing === null
      ? []
      : [
          element("ClrSysMmbId", [
            element("ClrSysId", [element("Cd", clearing.system)]),
            element("MmbId", clearing.member),
          ]),
        ];
  return [...(bic === null ? [] : [element("BICFI", bic)]), ...member];
}

function element(name: string, content: string | readonly Lines[]): Lines {
  if (typeof content === "string") return [`<${name}>${escaped(content)}</${name}>`];
  return [`<${name}>`, ...content.flatMap(indented), `</${name}>`];
}

function indented(lines: Lines): Lines {
  return lines.map((line) => `  ${line}`);
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
