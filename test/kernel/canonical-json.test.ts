import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { canonicalJson } from "../../src/kernel/canonical-json.js";

const VECTORS = resolve(import.meta.dirname, "../../../shared/vectors/jcs");

test.runIf(existsSync(VECTORS))(
  "the RFC 8785 vectors come out byte for byte (skipped where they are not at hand)",
  () => {
    const names = readdirSync(join(VECTORS, "input"));
    expect(names.length).toBeGreaterThan(0);
    for (const name of names) {
      const input: unknown = JSON.parse(readFileSync(join(VECTORS, "input", name), "utf8"));
      expect(canonicalJson(input), name).toBe(readFileSync(join(VECTORS, "output", name), "utf8"));
    }
  },
);

describe("the canonical text", () => {
  test("follows the example of RFC 8785, 3.2.2", () => {
    const input: unknown = JSON.parse(
      '{"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],' +
        '"string":"\\u20ac$\\u000F\\u000aA\'\\u0042\\u0022\\u005c\\\\\\"\\/","literals":[null,true,false]}',
    );
    expect(canonicalJson(input)).toBe(
      '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],' +
        '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
    );
  });

  test("orders members by UTF-16 code units, not by code points", () => {
    const emoji = "\u{1F600}"; // first code unit D83D, below FB33, although the code point is above
    expect(canonicalJson({ "\uFB33": 1, [emoji]: 2, b: 3, 10: 4, 9: 5 })).toBe(
      `{"10":4,"9":5,"b":3,"${emoji}":2,"\uFB33":1}`,
    );
    fc.assert(
      fc.property(fc.dictionary(fc.string({ unit: "grapheme" }), fc.constant(0)), (value) => {
        const names = [...canonicalJson(value).matchAll(/"((?:[^"\\]|\\.)*)":/g)].map(([, raw]) =>
          JSON.parse(`"${raw}"`),
        );
        expect(names).toEqual(Object.keys(value).sort((a, b) => (a < b ? -1 : 1)));
      }),
    );
  });

  test("means the same value, and is its own canonical text", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), (value) => {
        const text = canonicalJson(value);
        const read: unknown = JSON.parse(text);
        expect(read).toEqual(JSON.parse(JSON.stringify(value))); // JSON.stringify, because JSON has one zero
        expect(canonicalJson(read)).toBe(text);
      }),
    );
  });

  test("does not depend on the order in which members were set", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
        expect(canonicalJson(Object.fromEntries(Object.entries(value).reverse()))).toBe(canonicalJson(value));
      }),
    );
  });

  test("keeps a member called __proto__ as data", () => {
    expect(canonicalJson(JSON.parse('{"b":1,"__proto__":{"a":1}}'))).toBe('{"__proto__":{"a":1},"b":1}');
  });

  test("takes objects without a prototype, as GraphQL makes them", () => {
    expect(canonicalJson(Object.assign(Object.create(null), { b: 1, a: 2 }))).toBe('{"a":2,"b":1}');
  });
});

const nested = (levels: number): unknown => (levels === 0 ? 1 : [nested(levels - 1)]);
const cyclic: unknown[] = [];
cyclic.push(cyclic);

test.each([
  ["undefined", undefined, ""],
  ["undefined", { a: { b: undefined } }, "/a/b"],
  ["undefined", [1, new Array(1)], "/1/0"],
  ["NaN", { a: [0, Number.NaN] }, "/a/1"],
  ["-Infinity", [Number.NEGATIVE_INFINITY], "/0"],
  ["bigint", { amount: 1n }, "/amount"],
  ["function", { toJSON: () => 1 }, "/toJSON"],
  ["symbol", [Symbol("s")], "/0"],
  ["a lone surrogate", { text: "a\uD800b" }, "/text"],
  ["a lone surrogate", { a: { "\uDC00": 1 } }, "/a/\uDC00"],
  ["an object that is not plain", { at: new Date(0) }, "/at"],
  ["an object that is not plain", [new Map()], "/0"],
  ["an object that is not plain", Buffer.from("a"), ""],
  ["more than 64 levels", nested(65), "/0".repeat(64)],
  ["more than 64 levels", cyclic, "/0".repeat(64)],
])("%s is refused with its place (%#)", (what, value, path) => {
  expect(() => canonicalJson(value)).toThrow(new TypeError(`canonical JSON cannot hold ${what} (at "${path}")`));
});

test("64 levels are taken", () => {
  expect(canonicalJson(nested(64))).toBe(`${"[".repeat(64)}1${"]".repeat(64)}`);
});
