import { expect, test } from "vitest";
import { isId, newId } from "../../src/kernel/ids.js";

const at = (ms: number) => ({ now: () => new Date(ms) });

test("an id has its noun's prefix, 30 characters, and is recognised as that noun's alone", () => {
  const id = newId("bat", at(1_795_000_000_000));
  expect(id).toHaveLength(30);
  expect(isId(id, "bat")).toBe(true);
  expect(isId(id, "stm")).toBe(false);
});

test("ids sort by the time they were made", () => {
  const ids = [1, 2, 1_000, 1_795_000_000_000, 281_474_976_710_655].map((ms) => newId("bat", at(ms)));
  expect([...ids].sort()).toEqual(ids);
});

test("the time in an id is a UUIDv7's: its first 48 bits, 10 characters of base 32 with two zero bits in front", () => {
  const alphabet = "0123456789abcdefghjkmnpqrstvwxyz";
  const text = newId("bat", at(1_795_000_000_123)).slice(4);
  const bits = text.split("").reduce((sum, character) => sum * 32n + BigInt(alphabet.indexOf(character)), 0n);
  expect(bits >> 80n).toBe(1_795_000_000_123n);
  expect((bits >> 76n) & 15n).toBe(7n);
  expect((bits >> 62n) & 3n).toBe(2n);
});

test.each([
  "bat_",
  "bat_8zzzzzzzzzzzzzzzzzzzzzzzzz",
  "bat_01M82BGR8QFVXV3EH9HMJGJVST",
  "bat01m82bgr8qfvxv3eh9hmjgjvst0",
  "",
])("%s is no id", (text) => {
  expect(isId(text, "bat")).toBe(false);
});
