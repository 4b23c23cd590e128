import { expect, test } from "vitest";
import { cursorOf, PAGE_ROWS_MAX, pageOf, pageStart } from "../../src/kernel/page.js";

test("a cursor opens in its own list and in no other", () => {
  const cursor = cursorOf("batches", "42");
  expect(pageStart({ first: 10, after: cursor }, "batches")).toEqual({ rows: 10, after: "42" });
  expect(() => pageStart({ after: cursor }, "partners")).toThrow(expect.objectContaining({ code: "VALIDATION" }));
});

test.each([0, -1, PAGE_ROWS_MAX + 1, 1.5])("a page of %d rows is refused", (first) => {
  expect(() => pageStart({ first }, "batches")).toThrow(expect.objectContaining({ code: "VALIDATION" }));
});

test("one row more than wanted says that more follow", () => {
  expect(pageOf([1, 2, 3], 2, String)).toMatchObject({ rows: [1, 2], hasNextPage: true });
  expect(pageOf([1, 2], 2, String)).toMatchObject({ rows: [1, 2], hasNextPage: false });
});
