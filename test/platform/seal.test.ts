import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { seal, unseal } from "../../src/platform/seal.js";

const key = randomBytes(32);
const secret = Buffer.from("a private key");
const nothing = Buffer.alloc(0);

test("whatever is sealed opens again for the same purpose under the same key", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 600 }), fc.string(), (bytes, purpose) => {
      expect(unseal(key, seal(key, bytes, purpose), purpose)).toEqual(Buffer.from(bytes));
    }),
  );
});

test("no byte of what was sealed can be changed, and none left out", () => {
  const sealed = seal(key, secret, "key:a");
  for (let at = 0; at < sealed.length; at++) {
    const changed = Buffer.from(sealed);
    changed.writeUInt8(changed.readUInt8(at) ^ 1, at);
    expect(() => unseal(key, changed, "key:a")).toThrow(Error);
    expect(() => unseal(key, sealed.subarray(0, at), "key:a")).toThrow(Error);
  }
  // Of an empty secret only the tag is left, and GCM would take a part of it for the whole.
  expect(() => unseal(key, seal(key, nothing, "key:a").subarray(0, -4), "key:a")).toThrow(Error);
});

test("it opens neither for another purpose nor under another key", () => {
  const sealed = seal(key, secret, "key:a");
  expect(() => unseal(key, sealed, "key:b")).toThrow(Error);
  expect(() => unseal(randomBytes(32), sealed, "key:a")).toThrow(Error);
});

test("the same secret sealed twice looks different, and shows nothing of itself", () => {
  const [one, other] = [seal(key, secret, "key:a"), seal(key, secret, "key:a")];
  expect(one.equals(other)).toBe(false);
  expect(one.includes(secret)).toBe(false);
  expect(one.length).toBe(12 + 16 + secret.length);
});
