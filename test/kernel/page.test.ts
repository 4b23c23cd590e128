import { expect, test } from "vitest";
import { cursorOf, PAGE_ROWS_MAX, POSITION, pageOf, pageStart } from "../../src/kernel/page.js";

test("a cursor opens in its own list and in no other", () => {
  const cursor = cursorOf("batches", "42");
  expect(pageStart({ first: 10, after: cursor }, "batches")).toEqual({ rows: 10, after: "42" });
  expect(() => pageStart({ after: cursor }, "partners")).toThrow(expect.objectContaining({ code: "VALIDATION" }));
});

test.each([
  [POSITION.NUMBER, "42", ["", "-1", "1.5", "1e9", "x", "9".repeat(16), "42\n", "4\ud83d"]],
  [POSITION.PAIR, "1.42", ["1", "1.", "1.2.3", "a.b", "1.42 "]],
  [POSITION.ID, "cli_01kb000000000000000000000z", ["cli_1", "한국", "cli_01kb000000000000000000000z'"]],
  [POSITION.INSTANT_ID, "1764547200000.stm_01kb000000000000000000000z", ["1764547200000", "99999999999999.stm_1"]],
])("a cursor whose position is not %s is refused", (shape, position, others) => {
  expect(pageStart({ after: cursorOf("list", position) }, "list", shape).after).toBe(position);
  for (const other of others) {
    const refusal = expect.objectContaining({
      code: "VALIDATION",
      details: expect.objectContaining({ path: "/after" }),
    });
    expect(() => pageStart({ after: cursorOf("list", other) }, "list", shape), other).toThrow(refusal);
  }
});

test.each([0, -1, PAGE_ROWS_MAX + 1, 1.5])("a page of %d rows is refused", (first) => {
  expect(() => pageStart({ first }, "batches")).toThrow(expect.objectContaining({ code: "VALIDATION" }));
});

test("one row more than wanted says that more follow", () => {
  expect(pageOf([1, 2, 3], 2, String)).toMatchObject({ rows: [1, 2], hasNextPage: true });
  expect(pageOf([1, 2], 2, String)).toMatchObject({ rows: [1, 2], hasNextPage: false });
});
