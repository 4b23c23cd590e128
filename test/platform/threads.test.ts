import { expect, test } from "vitest";
import { CodedError } from "../../src/kernel/errors.js";
import { Threads } from "../../src/platform/threads.js";
import type { EchoTask } from "./echo-thread.js";

const WAITING_MAX = 20;
const threads = new Threads<EchoTask, string>(new URL("./echo-thread.ts", import.meta.url), WAITING_MAX);

test("what a thread refuses is thrown as it was there: class, code, message, details", async () => {
  const refused = await threads.ask("refuse").catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(CodedError);
  expect(refused).toMatchObject({
    ...{ code: "LIMIT_EXCEEDED", message: "too long", details: { path: "/a", max: 3 }, retryable: true },
  });
});

test("a fault in a thread is that fault, and the thread goes on", async () => {
  await expect(threads.ask("throw")).rejects.toThrow(new TypeError("a bug"));
  expect(await threads.ask("echo")).toBe("echo");
});

test("a thread that dies fails its task alone", async () => {
  const [before, died, after] = await Promise.allSettled([
    threads.ask("echo"),
    threads.ask("end"),
    threads.ask("echo"),
  ]);
  expect(before).toEqual({ status: "fulfilled", value: "echo" });
  expect(died).toMatchObject({ status: "rejected", reason: { message: "the thread ended with 3" } });
  expect(after).toEqual({ status: "fulfilled", value: "echo" });
});

test("the event loop turns meanwhile, and no more wait than may", async () => {
  const asked: Promise<string>[] = [];
  while (!threads.isFull) asked.push(threads.ask("echo"));
  expect(asked.length).toBeGreaterThanOrEqual(WAITING_MAX);
  expect(() => threads.ask("echo")).toThrow("one more may wait");
  expect(new Set(await Promise.all(asked))).toEqual(new Set(["echo"]));
});
