import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { validateXML } from "xmllint-wasm";
import { type BankAccount, ibanCheckDigits } from "../../src/settlement/bank-accounts/rules.js";
import {
  type Holder,
  type PaymentOrder,
  paymentMessage,
  type Transfer,
} from "../../src/settlement/payout-messages/rules.js";
import { schemaFaults, validMessage } from "../../src/settlement/payout-messages/service.js";
import { officialSchema } from "./official-schema.js";

/** It is fetched from elsewhere, which ordinary runs do not do. */
const isWanted = process.env["QUITTANCE_LONG"] !== undefined;
const official = isWanted ? officialSchema() : null;
const DEBTOR = holder("Operator Ltd", { ...Nobody(), iban: "DE89370400440532013000", bic: "COBADEFFXXX" });
const ORDER: PaymentOrder = {
  ...{ id: "01kb0000000000000000000000", createdAt: new Date("2026-03-05T01:02:03.456Z"), debtor: DEBTOR },
  ...{ currency: "EUR", scale: 2 },
  transfers: [
    transfer("01kb1", "1234.50", "2026-03-09", { ...Nobody(), iban: "GB82WEST12345698765432" }),
    transfer("01kb2", "0.01", "2026-03-06", {
      ...{ ...Nobody(), number: "110-123-456789", clearing: { system: "KRBOK", member: "088" } },
    }),
    transfer("01kb3", "99999.99", "2026-03-09", { ...Nobody(), number: "0012", bic: "SHBKKRSE" }),
  ],
};

test("a message says who pays whom, a payment information for each date, with exact sums and counts", async () => {
  const xml = await validMessage(ORDER);
  expect(xml).toContain(
    "<MsgId>01kb0000000000000000000000</MsgId>\n      <CreDtTm>2026-03-05T01:02:03Z</CreDtTm>\n" +
      "      <NbOfTxs>3</NbOfTxs>\n      <CtrlSum>101234.50</CtrlSum>",
  );
  expect(valuesOf(xml, "PmtInfId")).toEqual(["01kb0000000000000000000000-1", "01kb0000000000000000000000-2"]);
  expect(valuesOf(xml, "Dt")).toEqual(["2026-03-06", "2026-03-09"]);
  expect(valuesOf(xml, "CtrlSum")).toEqual(["101234.50", "0.01", "101234.49"]);
  expect(valuesOf(xml, "NbOfTxs")).toEqual(["3", "1", "2"]);
  expect(valuesOf(xml, "EndToEndId")).toEqual(["01kb2", "01kb1", "01kb3"]);
  expect(xml).toContain('<InstdAmt Ccy="EUR">1234.50</InstdAmt>');
  expect(xml).toContain("<BICFI>COBADEFFXXX</BICFI>");
  expect(xml).toContain("<MmbId>088</MmbId>");
});

test("the same order is the same bytes", () => {
  expect(paymentMessage({ ...ORDER })).toBe(paymentMessage(structuredClone(ORDER)));
});

test("a currency without decimals is written without", async () => {
  const xml = await validMessage({ ...ORDER, currency: "KRW", scale: 0 });
  expect(xml).toContain('<InstdAmt Ccy="KRW">123450</InstdAmt>');
});

test("a debtor's bank that is not named is said not to be", async () => {
  const debtor = { ...DEBTOR, account: { ...DEBTOR.account, bic: null } };
  expect(await validMessage({ ...ORDER, debtor })).toContain("<Id>NOTPROVIDED</Id>");
});

describe("the schema finds what is wrong:", () => {
  const changes: [string, (xml: string) => string][] = [
    ["a letter that banks do not take", (xml) => xml.replace("Studio", "스튜디오")],
    ["an empty name", (xml) => xml.replace("<Nm>Studio</Nm>", "<Nm></Nm>")],
    ["an amount of nothing", (xml) => xml.replace(">1234.50<", ">0.00<")],
    ["six decimals", (xml) => xml.replace(">1234.50<", ">1234.500001<")],
    ["a date that is none", (xml) => xml.replace("2026-03-06", "2026-02-30")],
    ["an element out of its place", (xml) => xml.replace(/( *<PmtMtd>.*\n)( *<NbOfTxs>.*\n)/, "$2$1")],
    ["an element that the files do not have", (xml) => xml.replace("<PmtMtd>", "<BtchBookg>true</BtchBookg><PmtMtd>")],
    ["no transfers", (xml) => xml.replace(/<CdtTrfTxInf>[\s\S]*?<\/CdtTrfTxInf>/, "")],
    ["a currency of four letters", (xml) => xml.replaceAll("EUR", "USDT")],
    ["another version", (xml) => xml.replace("pain.001.001.09", "pain.001.001.03")],
    ["no XML", () => "CtrlSum"],
  ];
  test.each(changes)("%s", async (_, change) => {
    const xml = paymentMessage(ORDER);
    expect(change(xml)).not.toBe(xml);
    expect(await schemaFaults(change(xml))).not.toEqual([]);
  });
});

describe("by the standard's own schema", () => {
  test.runIf(isWanted)("it is there", () => expect(official).not.toBeNull());

  test.skipIf(official === null)(
    "messages of every form are valid, and what is wrong with others is found",
    async () => {
      const unnamed = { ...DEBTOR, account: { ...DEBTOR.account, bic: null } };
      const forms = [ORDER, { ...ORDER, debtor: unnamed }, { ...ORDER, currency: "KRW", scale: 0 }].map(paymentMessage);
      const others = fc.sample(anyOrder(), 3).map((order) => paymentMessage({ ...ORDER, ...order }));
      for (const xml of [...forms, ...others]) expect(await officialFaults(xml)).toEqual([]);
      const wrong = paymentMessage(ORDER).replace(/( *<PmtMtd>.*\n)( *<NbOfTxs>.*\n)/, "$2$1");
      expect(await officialFaults(wrong)).not.toEqual([]);
    },
  );
});

test("whatever there is to pay, the message is valid and its sums are those of its transfers", async () => {
  await fc.assert(
    fc.asyncProperty(anyOrder(), async ({ transfers, scale }) => {
      const xml = await validMessage({ ...ORDER, transfers, scale });
      const minorOf = (text: string) => BigInt(text.replace(".", ""));
      const [whole = "", ...groups] = valuesOf(xml, "CtrlSum");
      const amounts = [...xml.matchAll(/<InstdAmt Ccy="EUR">([\d.]+)</g)].map(([, text = ""]) => minorOf(text));
      const sum = transfers.reduce((total, each) => total + each.amountMinor, 0n);
      expect(minorOf(whole)).toBe(sum);
      expect(groups.reduce((total, each) => total + minorOf(each), 0n)).toBe(sum);
      expect(amounts.reduce((total, each) => total + each, 0n)).toBe(sum);
      expect(amounts).toHaveLength(transfers.length);
    }),
    { numRuns: 15 }, // each starts libxml2
  );
});

/** What the standard's own schema finds wrong, in the words of libxml2. */
async function officialFaults(xml: string): Promise<readonly string[]> {
  const schema = { fileName: "s.xsd", contents: official ?? "" };
  const files = { xml: { fileName: "m.xml", contents: xml }, schema };
  return (await validateXML({ ...files, maxMemoryPages: 1_024 })).errors.map(({ message }) => message);
}

function anyOrder() {
  const letters = fc.constantFrom(..."ABCabc019 /-?:().,'+".split(""));
  const name = fc.string({ unit: letters, minLength: 1, maxLength: 60 }).map((text) => `N${text}`.trim());
  const account = fc.oneof(
    fc.stringMatching(/^\d{18}$/).map((bban) => ({ ...Nobody(), iban: `DE${ibanCheckDigits("DE", bban)}${bban}` })),
    fc.stringMatching(/^\d{1,34}$/).map((number) => ({ ...Nobody(), number, bic: "SHBKKRSE" })),
  );
  const day = fc.constantFrom("2026-03-06", "2026-03-09", "2026-12-31");
  const someTransfer = fc
    .record({ name, account, day, minor: fc.bigInt(1n, 10n ** 12n), town: fc.option(fc.constant("Seoul")) })
    .map(({ name, account, day, minor, town }): Transfer => {
      return { ...transfer("x", "0", day, account), amountMinor: minor, creditor: { ...holder(name, account), town } };
    });
  return fc.record({ transfers: fc.array(someTransfer, { minLength: 1, maxLength: 5 }), scale: fc.nat(3) });
}

function Nobody(): BankAccount {
  return { iban: null, number: null, bic: null, clearing: null };
}

function holder(name: string, account: BankAccount): Holder {
  return { name, country: "KR", town: "Seoul", account };
}

function transfer(endToEndId: string, amount: string, executeOn: string, account: BankAccount): Transfer {
  const amountMinor = BigInt(amount.replace(".", ""));
  const creditor = holder("Studio", account);
  return { instructionId: endToEndId, endToEndId, amountMinor, executeOn, creditor, remittance: "Statement 1" };
}

function valuesOf(xml: string, name: string): string[] {
  return [...xml.matchAll(new RegExp(`<${name}>([^<]*)</${name}>`, "g"))].map(([, value]) => value ?? "");
}
