import { describe, expect, test } from "vitest";
import { type CsvRecord, csvRecords, RECORD_CHARS_MAX } from "../../src/server/partner/csv.js";
import { rowReader } from "../../src/server/partner/rows.js";
import { newTally } from "../../src/server/partner/totals.js";

describe("records", () => {
  test("are the same however the text is cut into chunks", async () => {
    const text = '\uFEFFa,b,c\r\n1,"x, ""y""\nz",3\n\n,"",\n"last",,"no line break"';
    const whole = await records([text]);
    expect(whole).toEqual([
      { line: 1, fields: ["a", "b", "c"] },
      { line: 2, fields: ["1", 'x, "y"\nz', "3"] },
      { line: 5, fields: ["", "", ""] },
      { line: 6, fields: ["last", "", "no line break"] },
    ]);
    expect(await records(text.split(""))).toEqual(whole);
    for (let cut = 1; cut < text.length; cut++) {
      expect(await records([text.slice(0, cut), text.slice(cut)]), `cut at ${cut}`).toEqual(whole);
    }
  });

  test.each([
    ["a quote inside a field", 'a,b\nx"y,2\n', "line 2: its quotes do not match."],
    ["text after a quoted field", 'a,b\n"x"y,2\n', "line 2: its quotes do not match."],
    ["a quote that is never closed", 'a,b\n1,2\n"x,2\n', "line 3: its quotes do not match."],
    ["a record without end", `a\n${"x".repeat(RECORD_CHARS_MAX + 1)}`, "line 2: it is longer than 65536 characters."],
  ])("are refused, with the line, for %s", async (_what, text, message) => {
    await expect(records([text])).rejects.toThrow(message);
  });

  test("of an empty file are none", async () => {
    expect(await records([])).toEqual([]);
    expect(await records(["\n\r\n"])).toEqual([]);
  });
});

describe("rows", () => {
  const columns = "transactionId,kind,product,roundId,player,amount,currency,occurredAt,units,freeRound";

  test("become items of a batch: columns by name, empty cells left out", () => {
    const row = readRow(columns, "854-B,BET,crash,3294811,34dea495,0.00010000,BTC,2021-10-31T15:38:43.000Z,,true");
    expect(row).toMatchObject({ line: 2, kind: "BET", currency: "BTC", amountMinor: 10_000n });
    expect(JSON.parse(row.json)).toEqual({
      ...{ id: "854-B", kind: "BET", product: "crash", round: "3294811", player: "34dea495", amount: "0.00010000" },
      ...{ currency: "BTC", occurredAt: "2021-10-31T15:38:43.000Z", freeRound: true },
    });
  });

  test("may name columns in any order, and as the batch's format does", () => {
    const row = readRow("occurredAt,amount,currency,kind,id", "2021-10-31T15:38:43Z,-5,KRW,ADJUSTMENT,a");
    expect(row.amountMinor).toBe(-5n);
  });

  test("need no amount for an acquisition, whose units are a number", () => {
    const row = readRow(columns, "a,ACQUISITION,,,,,BTC,2021-10-31T15:38:43.000Z,3,");
    expect(row.amountMinor).toBe(0n);
    expect(JSON.parse(row.json)).toMatchObject({ units: 3 });
  });

  test.each([
    ["a,BET,crash,,,1,BTC,2021-10-31T15:38:43Z", "it has 8 fields, the header has 10."],
    [",BET,crash,,,1,BTC,2021-10-31T15:38:43Z,,", "transactionId is missing."],
    ["a b,BET,crash,,,1,BTC,2021-10-31T15:38:43Z,,", "transactionId must be 1 to 64 of"],
    ["a,BETS,crash,,,1,BTC,2021-10-31T15:38:43Z,,", "kind is no kind."],
    ["a,toString,crash,,,1,BTC,2021-10-31T15:38:43Z,,", "kind is no kind."],
    ["a,BET,crash,,,,BTC,2021-10-31T15:38:43Z,,", "amount is missing."],
    ["a,BET,crash,,,0.000000001,BTC,2021-10-31T15:38:43Z,,", "amount has more decimals than the currency."],
    ["a,BET,crash,,,1e3,BTC,2021-10-31T15:38:43Z,,", "amount must be a plain decimal."],
    ["a,BET,crash,,,-1,BTC,2021-10-31T15:38:43Z,,", "amount must not be negative."],
    ["a,BET,crash,,,10000000000,BTC,2021-10-31T15:38:43Z,,", "amount is too large."],
    ["a,BET,crash,,,1,XYZ,2021-10-31T15:38:43Z,,", "currency is not known."],
    ["a,BET,crash,,,1,BTC,2021-10-31 15:38:43,,", "occurredAt must be RFC 3339 in UTC"],
    ["a,BET,crash,,,1,BTC,2021-13-31T15:38:43Z,,", "occurredAt must be RFC 3339 in UTC"],
    ["a,BET,crash,,,1,BTC,2021-10-31T15:38:43Z,1.5,", "units must be a whole number."],
    ["a,BET,crash,,,1,BTC,2021-10-31T15:38:43Z,,yes", "freeRound must be true or false."],
  ])("that cannot be one are refused with the line: %s", (text, reason) => {
    expect(() => readRow(columns, text)).toThrow(`line 2: ${reason}`);
  });

  test.each([
    ["transactionId,kind,currency,occurredAt,amuont", 'line 1: "amuont" is no column'],
    ["transactionId,kind,currency,amount", "line 1: the column occurredAt is missing."],
    ["transactionId,kind,currency,occurredAt,id", "line 1: two columns are id."],
  ])("of a header that will not do are refused: %s", (header, reason) => {
    expect(() => readRow(header, "")).toThrow(reason);
  });
});

test("control totals count by kind and currency in order of name, amounts exact with the currency's decimals", () => {
  const tally = newTally();
  tally.add({ kind: "WIN", currency: "USD", amountMinor: 12n });
  tally.add({ kind: "BET", currency: "KRW", amountMinor: 10n ** 17n });
  tally.add({ kind: "BET", currency: "BTC", amountMinor: 1n });
  tally.add({ kind: "BET", currency: "KRW", amountMinor: 1n });
  expect(JSON.stringify(tally.totals())).toBe(
    '{"BET":{"BTC":{"count":1,"amount":"0.00000001"},"KRW":{"count":2,"amount":"100000000000000001"}},' +
      '"WIN":{"USD":{"count":1,"amount":"0.12"}}}',
  );
});

async function records(chunks: readonly string[]): Promise<CsvRecord[]> {
  const found: CsvRecord[] = [];
  for await (const record of csvRecords(iterate(chunks))) found.push(record);
  return found;
}

async function* iterate(chunks: readonly string[]): AsyncGenerator<string> {
  yield* chunks;
}

function readRow(header: string, text: string) {
  return rowReader({ line: 1, fields: header.split(",") })({ line: 2, fields: text.split(",") });
}
