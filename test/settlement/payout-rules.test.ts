import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  allocate,
  dueOf,
  endToEndIdOf,
  type OpenStatement,
  payableOf,
  settledStatements,
  takings,
  uncollected,
} from "../../src/settlement/payouts/rules.js";

/** A statement with one share, all of it open unless told otherwise. */
function statement(
  id: string,
  paidOut: number,
  { inFlight = 0, paid = 0, setOff = 0, isReleased = true } = {},
): OpenStatement {
  const shares = paidOut > 0 ? [{ payee: "", openMinor: BigInt(paidOut - inFlight - paid) }] : [];
  const [inFlightMinor, setOffMinor] = [BigInt(inFlight), BigInt(setOff)];
  return { id, paidOutMinor: BigInt(paidOut), isReleased, inFlightMinor, setOffMinor, shares };
}

function paid(owed: number, statements: readonly OpenStatement[]): Record<string, number> {
  const allocations = allocate({ owedMinor: BigInt(owed), statements });
  return Object.fromEntries(
    allocations.map(({ statementId, payee, amountMinor }) => [`${statementId}${payee}`, Number(amountMinor)]),
  );
}

function settled(owed: number, statements: readonly OpenStatement[]): readonly string[] {
  return settledStatements({ owedMinor: BigInt(owed), statements });
}

describe("what may be paid", () => {
  test("is what each statement released", () => {
    expect(paid(170, [statement("a", 100), statement("b", 70)])).toEqual({ a: 100, b: 70 });
  });

  test("is not what is on its way or was paid", () => {
    const statements = [statement("a", 100, { inFlight: 100 }), statement("b", 70, { paid: 30 })];
    expect(paid(140, statements)).toEqual({ b: 40 });
    expect(settled(140, statements)).toEqual([]);
  });

  test("is lowered by a set-off, the oldest first", () => {
    expect(paid(120, [statement("a", 100), statement("b", 70)])).toEqual({ a: 50, b: 70 });
    expect(paid(30, [statement("a", 100), statement("b", 70)])).toEqual({ b: 30 });
    expect(settled(30, [statement("a", 100), statement("b", 70)])).toEqual(["a"]);
  });

  test("is nothing of what a partner paid too much: what a set-off took of a statement stays taken", () => {
    const taken = statement("a", 100, { setOff: 100 });
    expect(payableOf({ owedMinor: 70n, statements: [taken] })).toBe(0n);
    expect([paid(70, [taken]), settled(70, [taken])]).toEqual([{}, ["a"]]);
    const partly = [statement("a", 100, { setOff: 40 }), statement("b", 50)];
    expect(paid(180, partly)).toEqual({ a: 60, b: 50 }); // 70 paid too much
    expect(takings({ owedMinor: 180n, statements: partly }, 75n)).toEqual([
      { statementId: "a", amountMinor: 60n },
      { statementId: "b", amountMinor: 15n },
    ]);
  });

  test("of a split statement that was set off in part is shared by what each receiver is still to get", () => {
    const shares = [60, 40].map((openMinor, index) => ({ payee: `.${index}`, openMinor: BigInt(openMinor) }));
    const split = { ...statement("a", 100, { setOff: 50 }), shares };
    expect(paid(90, [split])).toEqual({ "a.0": 30, "a.1": 20 });
  });

  test("is lowered by what is to be collected, and nothing where more is collected than released", () => {
    expect(paid(50, [statement("a", -20), statement("b", 70)])).toEqual({ b: 50 });
    expect(paid(-10, [statement("a", -80), statement("b", 70)])).toEqual({});
    expect(settled(-10, [statement("a", -80), statement("b", 70)])).toEqual(["b"]);
    expect(settled(0, [statement("a", -80), statement("b", 80, { paid: 0 })])).toEqual(["a", "b"]);
  });

  test("is nothing of what was not released, nor of released money that it stands against", () => {
    const [plus, minus] = [statement("b", 70, { isReleased: false }), statement("b", -30, { isReleased: false })];
    expect(paid(170, [statement("a", 100), plus])).toEqual({ a: 100 });
    expect(paid(70, [statement("a", 100), minus])).toEqual({ a: 70 });
    expect(settled(20, [statement("a", -50), plus])).toEqual([]); // the 70 may still be disputed
    expect(settled(20, [statement("a", -50), statement("b", 70)])).toEqual(["a"]);
  });

  test("of a statement that is met in part is shared by what each receiver is still to get", () => {
    const shares = [50, 30, 20].map((openMinor, index) => ({ payee: `.${index}`, openMinor: BigInt(openMinor) }));
    const split = { ...statement("a", 100), shares };
    expect(paid(100, [split])).toEqual({ "a.0": 50, "a.1": 30, "a.2": 20 });
    expect(paid(61, [split])).toEqual({ "a.0": 31, "a.1": 18, "a.2": 12 }); // 30.5, 18.3, 12.2
  });

  test("a statement of which credit met everything is settled at once", () => {
    expect(settled(0, [statement("a", 0)])).toEqual(["a"]);
  });
});

describe("what is to be collected", () => {
  test("is met from the oldest statement on, by whatever comes in", () => {
    const statements = [statement("a", -30), statement("b", -50), statement("c", -20)];
    const left = (owed: number) =>
      uncollected({ owedMinor: BigInt(owed), statements }).map(({ leftMinor }) => Number(leftMinor));
    expect(left(-100)).toEqual([30, 50, 20]);
    expect(left(-70)).toEqual([0, 50, 20]);
    expect(left(-60)).toEqual([0, 40, 20]);
    expect(left(5)).toEqual([0, 0, 0]);
    expect(settled(-60, statements)).toEqual(["a"]);
  });

  test("is also what comes while money is on its way that it was not taken off", () => {
    const statements = [statement("a", 100, { inFlight: 100 }), statement("b", -40)];
    expect([dueOf({ owedMinor: 60n, statements }), payableOf({ owedMinor: 60n, statements })]).toEqual([40n, 0n]);
    expect(settled(60, statements)).toEqual([]);
  });
});

const anyStatement = fc
  .record({
    shares: fc.array(fc.bigInt(0n, 10n ** 9n), { minLength: 1, maxLength: 3 }),
    inFlightMinor: fc.bigInt(0n, 10n ** 9n),
    isCollected: fc.boolean(),
    isReleased: fc.boolean(),
    setOffPart: fc.bigInt(0n, 4n),
  })
  .map(({ shares, inFlightMinor: onItsWay, isCollected, isReleased, setOffPart }): Omit<OpenStatement, "id"> => {
    const open = shares.map((openMinor, index) => ({ payee: `p${index}`, openMinor }));
    const inFlightMinor = isReleased ? onItsWay : 0n;
    const total = shares.reduce((sum, share) => sum + share, inFlightMinor);
    const setOffMinor = isReleased ? ((total - inFlightMinor) * setOffPart) / 4n : 0n;
    if (isCollected) return { paidOutMinor: -total - 1n, isReleased, inFlightMinor: 0n, setOffMinor: 0n, shares: [] };
    return { paidOutMinor: total, isReleased, inFlightMinor, setOffMinor, shares: open };
  });

test("never more is paid than is owed, than a receiver is still to get, or than all of it together", () => {
  fc.assert(
    fc.property(fc.array(anyStatement, { maxLength: 6 }), fc.bigInt(-(10n ** 9n), 10n ** 10n), (some, owedMinor) => {
      const statements = some.map((each, index) => ({ ...each, id: `s${index}` }));
      const allocations = allocate({ owedMinor, statements });
      const sum = allocations.reduce((total, { amountMinor }) => total + amountMinor, 0n);
      const released = statements.filter(({ isReleased }) => isReleased);
      const gross = released.flatMap(({ shares }) => shares).reduce((total, { openMinor }) => total + openMinor, 0n);
      const open = released.reduce((total, { setOffMinor }) => total - setOffMinor, gross);
      const payable: bigint = payableOf({ owedMinor, statements });
      expect(payable === 0n || payable <= owedMinor).toBe(true);
      expect(payable).toBeLessThanOrEqual(open);
      expect(sum).toBe(payable);
      const taken = takings({ owedMinor, statements }, payable / 2n);
      expect(taken.reduce((total, { amountMinor }) => total + amountMinor, 0n)).toBe(payable / 2n);
      for (const { statementId, payee, amountMinor } of allocations) {
        const shares = statements.find(({ id }) => id === statementId)?.shares ?? [];
        expect(amountMinor).toBeGreaterThan(0n);
        expect(amountMinor).toBeLessThanOrEqual(shares.find((share) => share.payee === payee)?.openMinor ?? 0n);
      }
      const done = settledStatements({ owedMinor, statements });
      expect(allocations.filter(({ statementId }) => done.includes(statementId))).toEqual([]);
      const waiting = statements.filter(({ isReleased }) => !isReleased).map(({ id }) => id);
      expect(
        [...done, ...allocations.map(({ statementId }) => statementId)].filter((id) => waiting.includes(id)),
      ).toEqual([]);
      const left = uncollected({ owedMinor, statements }).reduce((total, { leftMinor }) => total + leftMinor, 0n);
      expect(left).toBeLessThanOrEqual(dueOf({ owedMinor, statements }));
    }),
  );
});

test("an end-to-end id names its statement and fits into 35 letters", () => {
  const id = endToEndIdOf("stm_01jabcdefghjkmnpqrstvwxyz0", 12, 99);
  expect(id).toBe("01jabcdefghjkmnpqrstvwxyz0-12-99");
  expect(id.length).toBeLessThanOrEqual(35);
});
