import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { PeriodState } from "../../src/periods/entities.js";
import { isNextState, stateOfStatements, statesBefore } from "../../src/periods/lifecycle/rules.js";

const { STATEMENT_ISSUED, DISPUTED, APPROVED, PAYABLE, PAID, CARRIED_FORWARD, ABORTED } = PeriodState;
const ALL = Object.values(PeriodState);
const OF_STATEMENTS = [STATEMENT_ISSUED, DISPUTED, APPROVED, PAYABLE, PAID, CARRIED_FORWARD];
const states = fc.array(fc.constantFrom(...OF_STATEMENTS), { minLength: 1, maxLength: 5 });

/** Every state that may be reached from one, itself too. */
function reachable(from: PeriodState): Set<PeriodState> {
  const found = new Set([from]);
  for (const state of found) for (const next of ALL) if (isNextState(state, next)) found.add(next);
  return found;
}

describe("states follow on each other as domain.md 1 says", () => {
  test("the way to payment, with a dispute on it, and the side exits", () => {
    const way = ["OPEN", "CLOSED", "CALCULATED", "STATEMENT_ISSUED", "APPROVED", "PAYABLE", "PAID"] as PeriodState[];
    for (const [index, state] of way.slice(1).entries()) expect(isNextState(way[index] ?? state, state)).toBe(true);
    expect(statesBefore(DISPUTED)).toEqual([STATEMENT_ISSUED, APPROVED]);
    expect(statesBefore(CARRIED_FORWARD)).toEqual([STATEMENT_ISSUED]);
    expect(statesBefore(ABORTED)).toEqual([...[PeriodState.OPEN, PeriodState.CLOSED, PeriodState.CALCULATED]]);
  });

  test("nothing leaves an exit, nothing returns before a statement once it is issued, no state follows itself", () => {
    for (const exit of [CARRIED_FORWARD, ABORTED]) expect(reachable(exit)).toEqual(new Set([exit]));
    for (const state of OF_STATEMENTS) {
      expect([...reachable(state)].every((each) => OF_STATEMENTS.includes(each))).toBe(true);
    }
    for (const state of ALL) expect(isNextState(state, state)).toBe(false);
    expect(reachable(PeriodState.OPEN)).toEqual(new Set(ALL));
  });

  test("money leaves no state but PAYABLE, and nothing is payable that was not approved", () => {
    expect(statesBefore(PAID)).toEqual([PAYABLE]);
    expect(statesBefore(PAYABLE)).toEqual([APPROVED, PAID]);
  });
});

describe("where a period stands by its statements", () => {
  test("with one statement it stands where that does", () => {
    for (const state of OF_STATEMENTS) expect(stateOfStatements([state])).toBe(state);
  });

  test("it is one of its statements' states, whatever their order, and never ahead of one that is not done", () => {
    fc.assert(
      fc.property(states, (all) => {
        const state = stateOfStatements(all);
        expect(all).toContain(state);
        expect(stateOfStatements(all.toReversed())).toBe(state);
        expect(state === PAID).toBe(all.includes(PAID) && all.every((each) => [PAID, CARRIED_FORWARD].includes(each)));
        expect(state === CARRIED_FORWARD).toBe(all.every((each) => each === CARRIED_FORWARD));
        expect(state === DISPUTED).toBe(all.includes(DISPUTED));
      }),
    );
  });

  test("a statement that carries forward holds nothing back", () => {
    fc.assert(
      fc.property(states, (all) => {
        expect(stateOfStatements([...all, CARRIED_FORWARD])).toBe(stateOfStatements(all));
      }),
    );
  });

  test("without statements, or with a state that none has, it is nowhere", () => {
    expect(stateOfStatements([])).toBeNull();
    for (const state of ALL.filter((each) => !OF_STATEMENTS.includes(each))) {
      expect(stateOfStatements([PAID, state])).toBeNull();
    }
  });
});
