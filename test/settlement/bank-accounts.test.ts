import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  bankAccountOf,
  ibanCheckDigits,
  isBankCurrency,
  isFault,
  isIban,
  maskedNumber,
} from "../../src/settlement/bank-accounts/rules.js";
import { isLatin, latinOf } from "../../src/settlement/latin/rules.js";

/** Examples of the IBAN registry and of EPC guides, and one of Malta, which has letters. */
const IBANS = ["DE89370400440532013000", "GB82WEST12345698765432", "FR1420041010050500013M02606", "NO9386011117947"];

const upper = fc.constantFrom(..."ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789".split(""));
const bbanOf = (length: number) => fc.string({ unit: upper, minLength: length, maxLength: length });
const anyIban = fc
  .constantFrom(["DE", 18] as const, ["GB", 18] as const, ["MT", 27] as const, ["NO", 11] as const)
  .chain(([country, length]) => bbanOf(length).map((bban) => `${country}${ibanCheckDigits(country, bban)}${bban}`));

describe("an IBAN", () => {
  test.each([...IBANS, "MT84MALT011000012345MTLCAST001S"])("%s is one", (iban) => {
    expect(isIban(iban)).toBe(true);
  });

  test("is what its check digits say, and no other digit or letter in any one place", () => {
    fc.assert(
      fc.property(anyIban, fc.nat(), upper, (iban, at, other) => {
        expect(isIban(iban)).toBe(true);
        const place = at % iban.length;
        fc.pre(/\d/.test(other) === /\d/.test(iban[place] ?? ""));
        const changed = `${iban.slice(0, place)}${other}${iban.slice(place + 1)}`;
        expect(isIban(changed)).toBe(other === iban[place]);
      }),
    );
  });

  test("with two neighbouring digits exchanged is none", () => {
    fc.assert(
      fc.property(anyIban, fc.nat(), (iban, at) => {
        const place = 4 + (at % (iban.length - 5));
        const [left = "", right = ""] = [iban[place], iban[place + 1]];
        fc.pre(/^\d\d$/.test(left + right)); // a letter counts as two digits, of which this promises nothing
        const swapped = `${iban.slice(0, place)}${right}${left}${iban.slice(place + 2)}`;
        expect(isIban(swapped)).toBe(left === right);
      }),
    );
  });

  test.each([
    ["a length that is not its country's", "DE8937040044053201300"],
    ["a country that has none", "US89370400440532013000"],
    ["small letters", "de89370400440532013000"],
    ["check digits that nothing has", "DE00370400440532013000"],
    ["nothing", ""],
  ])("has not %s", (_, text) => {
    expect(isIban(text)).toBe(false);
  });
});

describe("an account", () => {
  test("is read as people write it", () => {
    expect(bankAccountOf({ iban: "de89 3704 0044 0532 0130 00", bic: "cobadeff " })).toEqual({
      ...{ iban: "DE89370400440532013000", number: null, bic: "COBADEFF", clearing: null },
    });
    expect(bankAccountOf({ accountNumber: "110-123-456789", clearingSystem: "KRBOK", clearingMember: "088" })).toEqual({
      ...{ iban: null, number: "110-123-456789", bic: null, clearing: { system: "KRBOK", member: "088" } },
    });
  });

  test.each([
    ["/iban", {}],
    ["/iban", { iban: "DE89370400440532013001" }],
    ["/accountNumber", { iban: "DE89370400440532013000", accountNumber: "1" }],
    ["/accountNumber", { accountNumber: "no digits", bic: "COBADEFF" }],
    ["/accountNumber", { accountNumber: "1".repeat(35), bic: "COBADEFF" }],
    ["/accountNumber", { accountNumber: "１２３", bic: "COBADEFF" }],
    ["/bic", { accountNumber: "110123456789" }],
    ["/bic", { iban: "DE89370400440532013000", bic: "COBADEF" }],
    ["/clearingMember", { accountNumber: "110123456789", clearingSystem: "KRBOK" }],
    ["/clearingSystem", { accountNumber: "110123456789", clearingSystem: "kr", clearingMember: "088" }],
  ])("is refused at %s: %j", (path, stated) => {
    expect(bankAccountOf(stated)).toMatchObject({ path });
  });

  test("is masked so that most of it cannot be told", () => {
    expect(maskedNumber({ iban: "DE89370400440532013000", number: null })).toBe("DE****3000");
    expect(maskedNumber({ iban: null, number: "110-123-456789" })).toBe("****6789");
    expect(maskedNumber({ iban: null, number: "1234" })).toBe("****4");
    fc.assert(
      fc.property(fc.stringMatching(/^\d{1,34}$/), (number) => {
        const shown = maskedNumber({ iban: null, number }).replaceAll("*", "");
        expect(shown.length * 3).toBeLessThanOrEqual(number.length);
      }),
    );
  });

  test("a fault never repeats what was said", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 5 }), fc.string({ minLength: 5 }), (iban, bic) => {
        const account = bankAccountOf({ iban: `${iban}#`, bic });
        if (isFault(account)) expect(JSON.stringify(account)).not.toContain(`${iban}#`);
      }),
    );
  });
});

test("banks transfer currencies of three letters and at most five decimals", () => {
  expect([isBankCurrency("EUR", 2), isBankCurrency("KRW", 0), isBankCurrency("BHD", 3)]).toEqual([true, true, true]);
  expect([isBankCurrency("BTC", 8), isBankCurrency("USDT", 6)]).toEqual([false, false]);
});

describe("the letters that banks take", () => {
  test.each([
    ["Müller & Söhne GmbH", "Muller + Sohne GmbH"],
    ["Straße Nº 7", "Strasse No 7"],
    ["Łódź Ærø Œuvre Þór Đinh", "Lodz AEro OEuvre THor Dinh"],
    ["  Studio\tSeven  ", "Studio Seven"],
    ["ＡＢＣ １２", "ABC 12"],
    ["crash_game", "crash-game"],
  ])("%s becomes %s", (text, latin) => {
    expect(latinOf(text)).toBe(latin);
  });

  test.each(["주식회사 게임", "Studio 게임", "Игры", "ゲーム", "", "   ", "--", "a#b", "a\u0000b"])(
    "%j has no such form, and does not become shorter or empty instead",
    (text) => {
      expect(latinOf(text)).toBeNull();
    },
  );

  test("what comes out is latin, and stays as it is", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => {
        const latin = latinOf(text);
        if (latin === null) return;
        expect(isLatin(latin)).toBe(true);
        expect(latinOf(latin)).toBe(latin);
      }),
    );
  });
});
