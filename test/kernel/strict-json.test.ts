import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseStrictJson, StrictJsonFault } from "../../src/kernel/strict-json.js";

function faultOf(text: string): { reason: string; path: string } | null {
  try {
    parseStrictJson(text);
    return null;
  } catch (error) {
    if (!(error instanceof StrictJsonFault)) throw error;
    return { reason: error.reason, path: error.path };
  }
}

/** Whether any object has a name twice, by definition. */
function hasDuplicate(node: Node): boolean {
  if (node.kind === "leaf") return false;
  if (node.kind === "array") return node.items.some(hasDuplicate);
  const names = node.members.map(([name]) => name);
  return new Set(names).size < names.length || node.members.some(([, value]) => hasDuplicate(value));
}

type Node =
  | { kind: "leaf"; value: string | number | boolean | null }
  | { kind: "array"; items: Node[] }
  | { kind: "object"; members: [string, Node][] };

// Few names and both spellings of each, so that duplicates are common and often differ in spelling.
const nameArbitrary = fc.constantFrom("a", "b", "id", "", "ü", "/~", '"', "__proto__", "\\");
const nodeArbitrary = fc.letrec<{ node: Node }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 4 },
    fc.record({
      kind: fc.constant("leaf" as const),
      value: fc.oneof(fc.string(), fc.constantFrom('{"a":1,"a":1}', "\\", '\\"', ","), fc.integer(), fc.constant(null)),
    }),
    fc.record({ kind: fc.constant("array" as const), items: fc.array(tie("node"), { maxLength: 4 }) }),
    fc.record({
      kind: fc.constant("object" as const),
      members: fc.array(fc.tuple(nameArbitrary, tie("node")), { maxLength: 4 }),
    }),
  ),
})).node;

function escapeAll(name: string): string {
  const units = Array.from({ length: name.length }, (_, i) => name.charCodeAt(i).toString(16).padStart(4, "0"));
  return `"${units.map((unit) => `\\u${unit}`).join("")}"`;
}

function write(node: Node, spellings: boolean[], at = { next: 0 }): string {
  if (node.kind === "leaf") return JSON.stringify(node.value);
  if (node.kind === "array") return `[${node.items.map((item) => write(item, spellings, at)).join(" , ")}]`;
  const members = node.members.map(([name, value]) => {
    const isEscaped = spellings[at.next++ % spellings.length];
    return `${isEscaped ? escapeAll(name) : JSON.stringify(name)} : ${write(value, spellings, at)}`;
  });
  return `{${members.join(",\n")}}`;
}

describe("a text without duplicates", () => {
  test("reads exactly as JSON.parse reads it, and one with a duplicate never passes", () => {
    let duplicates = 0;
    fc.assert(
      fc.property(nodeArbitrary, fc.array(fc.boolean(), { minLength: 1 }), (node, spellings) => {
        const text = write(node, spellings);
        const isDuplicate = hasDuplicate(node);
        if (isDuplicate) duplicates++;
        const fault = faultOf(text);
        expect(fault?.reason, text).toBe(isDuplicate ? "DUPLICATE_KEY" : undefined);
        expect(fault ?? parseStrictJson(text)).toEqual(fault ?? JSON.parse(text));
      }),
      { numRuns: 1000 },
    );
    expect(duplicates).toBeGreaterThan(50);
  });

  test("may use a name again in another object, and as a value", () => {
    const text = '{"a":"a","b":{"a":["a","a",{"a":1},{"a":1}]},"c":{"a":"b"}}';
    expect(parseStrictJson(text)).toEqual(JSON.parse(text));
  });

  test("is read after any white space and at the root of any kind", () => {
    for (const text of [' \n{"a" : 1}\t', "[]", "{}", '"a"', "12.50", "null", '"{\\"a\\":1,\\"a\\":1}"']) {
      expect(parseStrictJson(text)).toEqual(JSON.parse(text));
    }
  });
});

test.each([
  ['{"a":1,"a":2}', "/a"],
  ['{"a":1,"b":2,"a":1}', "/a"],
  ['{"a":1,"\\u0061":2}', "/a"],
  ['{"\\u0061":1,"a":2}', "/a"],
  ['{"\\/":1,"/":2}', "/~1"],
  ['{"~":1,"x":{"y/z":0},"~":2}', "/~0"],
  ['{"":1,"":2}', "/"],
  ['{"transactions":[{"id":1},{"id":2},{},{"id":3,"amount":"1","id":4}]}', "/transactions/3/id"],
  ['[[1,2,[{"x":{"a":1,"a":1}}]]]', "/0/2/0/x/a"],
  ['{"a":{"b":1},"c":[{"b":1},2],"a":3}', "/a"],
  ['{"__proto__":1,"__proto__":2}', "/__proto__"],
  ['{"a\\"b":1,"a\\"b":2}', '/a"b'],
])("a duplicate name is refused with its path: %s", (text, path) => {
  expect(faultOf(text)).toEqual({ reason: "DUPLICATE_KEY", path });
});

test("a duplicate is found among thousands of names, wherever it stands", () => {
  for (const [size, again] of [
    [33, 0],
    [33, 31],
    [33, 32],
    [34, 33],
    [5000, 40],
    [5000, 4999],
  ] as const) {
    const members = Array.from({ length: size }, (_, i) => `"k${i}":${i}`);
    expect(parseStrictJson(`{${members.join()}}`)).toEqual(JSON.parse(`{${members.join()}}`));
    expect(() => parseStrictJson(`[{${members.join()}},{${members.join()}}]`)).not.toThrow();
    expect(faultOf(`{${members.join()},"k${again}":0}`)).toEqual({ reason: "DUPLICATE_KEY", path: `/k${again}` });
  }
});

test("names with the same hash are different names", () => {
  expect(parseStrictJson('{"Aa":1,"BB":2}')).toEqual({ Aa: 1, BB: 2 }); // 65·31+97 = 66·31+66
});

test("a duplicate is found among names with the same hash, and in the objects after them", () => {
  expect(faultOf('{"Aa":1,"BB":2,"Aa":3}')).toEqual({ reason: "DUPLICATE_KEY", path: "/Aa" });
  expect(faultOf('{"x":0,"Aa":1,"BB":2,"x":3}')).toEqual({ reason: "DUPLICATE_KEY", path: "/x" });
  expect(faultOf('[{"Aa":1,"BB":2},{"Aa":1,"BB":2,"\\u0042B":3}]')).toEqual({ reason: "DUPLICATE_KEY", path: "/1/BB" });
  expect(faultOf('[{"Aa":1,"BB":2},{"Aa":1,"BB":2}]')).toBeNull();
});

test("names made to have the same hash take about as long as others", () => {
  const objects = (names: readonly string[]) => {
    const object = `{${names.map((name) => `"${name}\\u0041":0`).join()}}`;
    return `[${Array.from({ length: 2_000 }, () => object).join()}]`;
  };
  const numbers = Array.from({ length: 32 }, (_, i) => i);
  const tail = "x".repeat(50);
  const colliding = numbers.map((n) => [0, 1, 2, 3, 4].map((bit) => ((n >> bit) & 1 ? "Aa" : "BB")).join("") + tail);
  const others = numbers.map((n) => `name${n}`.padEnd(10, "_") + tail);
  expect(leastMs(objects(colliding))).toBeLessThan(4 * leastMs(objects(others)));
});

/** The shortest of three readings, in milliseconds. */
function leastMs(text: string): number {
  const times = [1, 2, 3].map(() => {
    const startedAt = performance.now();
    parseStrictJson(text);
    return performance.now() - startedAt;
  });
  return Math.min(...times);
}

test("a member called __proto__ is data and pollutes nothing", () => {
  const value = parseStrictJson('{"__proto__":{"isAdmin":true},"constructor":{"prototype":{"isAdmin":true}}}');
  expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
  expect(Object.keys(Object(value))).toEqual(["__proto__", "constructor"]);
  expect(Reflect.get({}, "isAdmin")).toBeUndefined();
});

test("32 levels are read, 33 are refused where they begin", () => {
  expect(() => parseStrictJson(`${"[".repeat(32)}${"]".repeat(32)}`)).not.toThrow();
  expect(faultOf(`${"[".repeat(33)}${"]".repeat(33)}`)).toEqual({ reason: "TOO_DEEP", path: "/0".repeat(32) });
  expect(faultOf(`${'{"a":'.repeat(33)}1${"}".repeat(33)}`)).toEqual({ reason: "TOO_DEEP", path: "/a".repeat(32) });
  expect(faultOf("[".repeat(8_000_000))?.reason).toBe("TOO_DEEP");
  expect(() => parseStrictJson(`[${"[[]],".repeat(1000)}[]]`)).not.toThrow(); // wide is not deep
});

test.each([
  "",
  "{",
  '{"a":1,}',
  "{'a':1}",
  '{"a":01}',
  '{"a":1}x',
  '{} {"a":1,"a":2}',
  "]",
  "}{",
  '"a',
  '{"a',
  '{"a\\',
  '{"\\u00zz":1,"\\u00zz":2',
  '{"a":NaN}',
  "[1 2]",
  '{"a" "b"}',
  "\uFEFF{}",
  ",",
])("what JSON.parse refuses is refused: %j", (text) => {
  expect(() => JSON.parse(text)).toThrow(SyntaxError);
  expect(faultOf(text)).not.toBeNull();
});

test("no text passes that JSON.parse refuses, and none throws anything else", () => {
  const wrong: string[] = [];
  const pieces = fc.constantFrom("{", "}", "[", "]", ",", ":", '"', '"a"', '"b"', "\\", "1", " ", "null");
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 14 }), (parts) => {
      const text = parts.join("");
      const fault = faultOf(text);
      const isJson = readsAsJson(text);
      if (fault === null ? !isJson : fault.reason === "MALFORMED" && isJson) wrong.push(text);
    }),
    { numRuns: 3000 },
  );
  expect(wrong).toEqual([]);
});

function readsAsJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
