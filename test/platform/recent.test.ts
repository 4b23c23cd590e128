import { Writable } from "node:stream";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { openLog } from "../../src/platform/log.js";
import { Recent } from "../../src/platform/recent.js";

const LIMITS = { keptMax: 2, aheadMs: 1_000, freshMs: 2_000 };

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["performance"] }); // it stands still, but where a test moves it
});

afterEach(() => {
  vi.useRealTimers();
});

function pass(ms: number): void {
  vi.advanceTimersByTime(ms);
}

function open() {
  const lines: string[] = [];
  const to = new Writable({
    write(line, _encoding, done) {
      lines.push(String(line));
      done();
    },
  });
  const log = openLog({ logLevel: "warn", processName: "test" }, to);
  return { lines, recent: new Recent<string>(log, LIMITS) };
}

/** A database that counts how often it is asked, and answers when it is told to. */
function source() {
  const asked: { answer(value: string): void; fail(error: Error): void }[] = [];
  const read = () =>
    new Promise<string>((answer, fail) => {
      asked.push({ answer, fail });
    });
  const at = (index: number) => {
    const reading = asked[index];
    if (reading === undefined) throw new Error(`nobody asked ${index + 1} times`);
    return reading;
  };
  return { asked, read, at };
}

/** Two who ask in the same turn. */
function bothAsk(recent: Recent<string>, read: () => Promise<string>): Promise<string>[] {
  return [1, 2].map(async () => recent.of("a", read));
}

async function known(recent: Recent<string>, value: string): Promise<void> {
  await recent.of("a", async () => value);
}

test("callers at once share a reading, and who comes later has what it brought", async () => {
  const { recent } = open();
  const { asked, read, at } = source();
  const both = bothAsk(recent, read);
  at(0).answer("one");
  expect(await Promise.all(both)).toEqual(["one", "one"]);
  pass(LIMITS.aheadMs - 1);
  expect(recent.of("a", read)).toBe("one");
  expect(asked).toHaveLength(1);
});

test("what is asked for again is read ahead, once at a time, and nobody waits for that", async () => {
  const { recent } = open();
  const { asked, read, at } = source();
  await known(recent, "one");
  pass(LIMITS.aheadMs);
  expect([recent.of("a", read), recent.of("a", read)]).toEqual(["one", "one"]);
  expect(asked).toHaveLength(1);
  at(0).answer("two");
  await vi.waitFor(() => expect(recent.of("a", read)).toBe("two"));
});

test("what is too old is waited for, also where it is being read ahead already", async () => {
  const { recent } = open();
  const { asked, read, at } = source();
  await known(recent, "one");
  pass(LIMITS.freshMs - 1);
  expect(recent.of("a", read)).toBe("one");
  pass(1);
  const later = bothAsk(recent, read);
  expect(asked).toHaveLength(1);
  at(0).answer("two");
  expect(await Promise.all(later)).toEqual(["two", "two"]);
});

test("an answer is as old as its reading: one long under way is stale when it comes", async () => {
  const { recent } = open();
  const { asked, read, at } = source();
  const slow = recent.of("a", read);
  pass(LIMITS.freshMs);
  at(0).answer("old");
  expect(await slow).toBe("old"); // as it stood when he asked
  const quick = recent.of("a", read);
  expect(asked).toHaveLength(2);
  at(1).answer("new");
  expect(await quick).toBe("new");
});

test("a reading long under way is not joined, nor put over a newer one", async () => {
  const { recent } = open();
  const { read, at } = source();
  const slow = recent.of("a", read);
  pass(LIMITS.freshMs);
  const quick = recent.of("a", read);
  at(1).answer("new");
  expect(await quick).toBe("new");
  at(0).answer("old");
  expect(await slow).toBe("old");
  expect(recent.of("a", read)).toBe("new");
});

test("a reading that fails is told to all who wait, and not kept", async () => {
  const { recent } = open();
  const { read, at } = source();
  const failing = Promise.allSettled(bothAsk(recent, read));
  at(0).fail(new Error("away"));
  expect((await failing).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  const again = recent.of("a", read);
  at(1).answer("back");
  expect(await again).toBe("back");
});

test("where reading ahead fails, what is known holds while it is fresh, and the log says so", async () => {
  const { recent, lines } = open();
  const { read, at } = source();
  await known(recent, "one");
  pass(LIMITS.aheadMs);
  expect(recent.of("a", read)).toBe("one");
  at(0).fail(new Error("away"));
  await vi.waitFor(() => expect(lines.join("")).toContain("away"));
  expect(recent.of("a", read)).toBe("one");
  pass(LIMITS.aheadMs);
  const failing = recent.of("a", read);
  at(1).fail(new Error("still away"));
  await expect(failing).rejects.toThrow("still away");
});

test("what was forgotten while it was read is read anew", async () => {
  const { recent } = open();
  const { asked, read, at } = source();
  const before = recent.of("a", read);
  recent.forget("a");
  const after = recent.of("a", read);
  expect(asked).toHaveLength(2);
  at(0).answer("before");
  at(1).answer("after");
  expect([await before, await after]).toEqual(["before", "after"]);
  expect(recent.of("a", read)).toBe("after");
  recent.clear();
  expect(recent.of("a", read)).toBeInstanceOf(Promise);
});

test("so many are kept, those that were read last", async () => {
  const { recent } = open();
  for (const name of ["a", "b", "c"]) await recent.of(name, async () => name);
  const anew = async () => "anew";
  const values = [await recent.of("b", anew), await recent.of("c", anew), await recent.of("a", anew)];
  expect(values).toEqual(["b", "c", "anew"]);
});
