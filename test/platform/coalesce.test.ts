import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { coalesced } from "../../src/platform/coalesce.js";

test("who comes while work is under way shares the next go, in order, each with an answer of its own", async () => {
  const goes: (readonly number[])[] = [];
  const double = coalesced(
    async (inputs: readonly number[]) => {
      goes.push(inputs);
      await sleep(5);
      return inputs.map((input) => input * 2);
    },
    { inputsMax: 4, atOnce: 1 },
  );
  const first = double(1);
  await sleep(1);
  const rest = [2, 3, 4, 5, 6, 7].map((input) => double(input));
  expect(await Promise.all([first, ...rest])).toEqual([2, 4, 6, 8, 10, 12, 14]);
  expect(goes).toEqual([[1], [2, 3, 4, 5], [6, 7]]);
});

test("after a go of several the next waits for who is about to come, and after one of one for nobody", async () => {
  const goes: (readonly number[])[] = [];
  const work = coalesced(
    async (inputs: readonly number[]) => {
      goes.push(inputs);
      return inputs;
    },
    { inputsMax: 4, atOnce: 1, lingerMs: 50 },
  );
  await Promise.all([work(1), work(2)]);
  const third = work(3);
  await new Promise(setImmediate);
  await Promise.all([third, work(4)]);
  await work(5);
  const sixth = work(6);
  await new Promise(setImmediate);
  await Promise.all([sixth, work(7)]);
  expect(goes).toEqual([[1, 2], [3, 4], [5], [6], [7]]);
});

test("no more goes are under way than may be, and none waits for nothing", async () => {
  let [underWay, most] = [0, 0];
  const work = coalesced(
    async (inputs: readonly number[]) => {
      underWay += 1;
      most = Math.max(most, underWay);
      await sleep(2);
      underWay -= 1;
      return inputs;
    },
    { inputsMax: 1, atOnce: 2 },
  );
  expect(await Promise.all([1, 2, 3, 4, 5].map((input) => work(input)))).toEqual([1, 2, 3, 4, 5]);
  expect(most).toBe(2);
});

test("a go takes no more than weighs so much, and always one", async () => {
  const goes: (readonly number[])[] = [];
  const weigh = coalesced(
    async (inputs: readonly number[]) => {
      goes.push(inputs);
      return inputs;
    },
    { inputsMax: 10, atOnce: 1, weightOf: (input) => input, weightMax: 10 },
  );
  await Promise.all([4, 6, 1, 20, 3].map((input) => weigh(input)));
  expect(goes).toEqual([[4, 6], [1], [20], [3]]);
});

test("one who fails alone fails alone; work that throws fails all who share it, not the next go", async () => {
  const work = coalesced(
    async (inputs: readonly string[]) => {
      if (inputs.includes("throws")) throw new Error("all of it");
      return inputs.map((input) => (input === "bad" ? new Error("alone") : input));
    },
    { inputsMax: 2, atOnce: 1 },
  );
  const outcomes = await Promise.allSettled(["good", "bad", "throws", "shares", "after"].map((input) => work(input)));
  const told = outcomes.map((outcome) => (outcome.status === "fulfilled" ? outcome.value : String(outcome.reason)));
  expect(told).toEqual(["good", "Error: alone", "Error: all of it", "Error: all of it", "after"]);
});
