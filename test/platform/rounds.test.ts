import { expect, test } from "vitest";
import { Rounds } from "../../src/platform/rounds.js";

/** Nobody is waited for but who is inside, and he for ever. */
const PATIENT = { lingerMs: 0, patienceMs: 600_000 };

/** Enters, notes it, and answers what leaves again. */
function entering(rounds: Rounds, entered: string[]) {
  return async (name: string): Promise<() => void> => {
    const leave = await rounds.enter();
    entered.push(name);
    return leave;
  };
}

const turn = () => new Promise(setImmediate);

test("who comes alone begins at once; who comes meanwhile begins together, when the last has left", async () => {
  const entered: string[] = [];
  const enter = entering(new Rounds(PATIENT), entered);
  const leaveFirst = await enter("first");
  const others = ["second", "third"].map(enter);
  await turn();
  expect(entered).toEqual(["first"]);
  leaveFirst();
  const [leaveSecond, leaveThird] = (await Promise.all(others)) as [() => void, () => void];
  expect(entered).toEqual(["first", "second", "third"]);
  const last = enter("last");
  leaveSecond();
  leaveSecond(); // once is enough, and twice is no more
  leaveFirst(); // of a round that is over
  await turn();
  expect(entered).toEqual(["first", "second", "third"]);
  leaveThird();
  (await last)();
  (await enter("alone again"))();
  expect(entered.slice(3)).toEqual(["last", "alone again"]);
});

test("a round that lasts too long is not waited for, and whoever leaves it late ends no other", async () => {
  const entered: string[] = [];
  const enter = entering(new Rounds({ lingerMs: 0, patienceMs: 20 }), entered);
  const leaveStuck = await enter("stuck");
  const leaveNext = await enter("next"); // waits for the patience alone
  leaveStuck();
  leaveNext();
  (await enter("after"))();
  expect(entered).toEqual(["stuck", "next", "after"]);
});

test("where more than two are about the next round waits for who is about to come, and then for nobody", async () => {
  const entered: string[] = [];
  const enter = entering(new Rounds({ lingerMs: 20, patienceMs: 600_000 }), entered);
  const leaveFirst = await enter("first");
  const [second, third] = [enter("second"), enter("third")];
  leaveFirst();
  const fourth = enter("fourth");
  const leaveSecond = await second;
  expect(entered).toEqual(["first", "second", "third", "fourth"]); // in one round, though it came after the first
  for (const leave of [await third, await fourth, leaveSecond]) leave();
  for (const leave of await Promise.all([enter("fifth"), enter("sixth")])) leave();
  expect(entered.slice(4)).toEqual(["fifth", "sixth"]);
});

test("where two are about neither waits for more than the other", async () => {
  const entered: string[] = [];
  const enter = entering(new Rounds({ lingerMs: 600_000, patienceMs: 600_000 }), entered);
  const leaveFirst = await enter("first");
  const second = enter("second");
  leaveFirst();
  const leaveSecond = await second;
  const third = enter("third");
  leaveSecond();
  (await third)();
  expect(entered).toEqual(["first", "second", "third"]);
});
