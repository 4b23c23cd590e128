import { setImmediate } from "node:timers/promises";
import fc from "fast-check";
import { expect, test } from "vitest";
import { FairPlaces } from "../../src/platform/fair-places.js";

const full = () => new Error("full");

/** Work that lasts until it is told to end; says who began, and who was refused. */
function hall(room: { atWorkMax: number; waitingMax: number }) {
  const places = new FairPlaces(room);
  const [begun, refused, ending]: [string[], string[], (() => void)[]] = [[], [], []];
  const come = (lane: string, isKnown = false, lanes: readonly string[] = [lane]) =>
    void places
      .run(
        { lanes, isKnown },
        () =>
          new Promise<void>((resolve) => {
            begun.push(lane);
            ending.push(resolve);
          }),
        full,
      )
      .catch(() => refused.push(lane));
  const settle = () => setImmediate();
  const end = async () => {
    ending.shift()?.();
    await settle();
  };
  return { begun, refused, ending, come, settle, end };
}

test("lanes take turns, however many wait in one of them", async () => {
  const { begun, come, end, settle } = hall({ atWorkMax: 1, waitingMax: 10 });
  for (const lane of ["a", "a", "a", "a", "b", "c", "b"]) come(lane);
  await settle();
  for (let each = 0; each < 6; each++) await end();
  expect(begun.join("")).toBe("aabcaba");
});

test("in a full queue a newcomer takes the place of the last one in the longest lane", async () => {
  const { begun, refused, come, end, settle } = hall({ atWorkMax: 1, waitingMax: 3 });
  for (const lane of ["a", "a", "a", "a", "a", "b", "b", "c"]) come(lane);
  await settle();
  expect(refused.toSorted().join("")).toBe("aaab"); // the fifth a, the second b, and two who gave way
  for (let each = 0; each < 4; each++) await end();
  expect(begun.join("")).toBe("aabc");
});

test("who is known keeps a place and has every other turn, however many strangers come from wherever", async () => {
  const { begun, refused, come, end, settle } = hall({ atWorkMax: 1, waitingMax: 3 });
  for (let each = 0; each < 20; each++) come(`stranger ${each}`);
  for (const lane of ["ann", "ann", "bob"]) come(lane, true);
  for (let each = 20; each < 40; each++) come(`stranger ${each}`);
  await settle();
  expect(refused).toHaveLength(36);
  expect(refused.every((lane) => lane.startsWith("stranger"))).toBe(true);
  for (let each = 0; each < 6; each++) await end();
  expect(begun.map((lane) => lane.replace(/ .*/, ""))).toEqual([
    ...["stranger", "ann", "stranger", "bob", "stranger", "ann", "stranger"],
  ]);
});

test("lanes have lanes: who has many of them takes no more turns, and gives way to who has few", async () => {
  const { begun, refused, come, end, settle } = hall({ atWorkMax: 1, waitingMax: 4 });
  const from = (tenant: string, person: string) => come(`${tenant}${person}`, true, [tenant, person]);
  from("a", "0");
  for (const person of ["1", "2", "3", "4", "5"]) from("a", person);
  for (const person of ["1", "1", "2"]) from("b", person);
  await settle();
  expect(refused.toSorted()).toEqual(["a3", "a4", "a5", "b1"]); // one of a tenant's own gave way to its other
  for (let each = 0; each < 5; each++) await end();
  expect(begun).toEqual(["a0", "a1", "b1", "a2", "b2"]);
});

test("no more work at once and no more wait than there is room, and whoever came is served or refused", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.oneof(fc.constantFrom("a", "b", "c", "d"), fc.constant(null)), { maxLength: 60 }),
      async (steps) => {
        const { begun, refused, ending, come, end, settle } = hall({ atWorkMax: 2, waitingMax: 4 });
        let came = 0;
        for (const [at, lane] of steps.entries()) {
          if (lane === null) await end();
          else come(lane, at % 5 === 0, [lane, `${at % 3}`]);
          came += lane === null ? 0 : 1;
          await settle();
          expect(ending.length).toBeLessThanOrEqual(2);
          expect(came - begun.length - refused.length).toBeLessThanOrEqual(8);
        }
        while (ending.length > 0) await end();
        expect(begun.length + refused.length).toBe(came);
      },
    ),
  );
});
