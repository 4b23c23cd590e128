import fc from "fast-check";
import { expect, test } from "vitest";
import { DrawAt, WhenExhausted } from "../../src/exchange/credit/entities.js";
import { CreditBook, type CreditTerms, creditLines, discountOf } from "../../src/exchange/credit/rules.js";
import { AccountName } from "../../src/ledger/entities.js";

const INTO = { batchNo: "1", periodNo: 1 };
const AT = new Date("2026-03-02T00:00:00.000Z");
const TERMS: CreditTerms = {
  ...{ drawAt: DrawAt.POSTING, whenExhausted: WhenExhausted.BLOCK, creditLimitMinor: 0n, lowWater: null },
};

const amount = fc.bigInt(1n, 1_000n);
const buy = fc.record({
  what: fc.constant("BUY" as const),
  amount,
  cost: fc.bigInt(0n, 1_200n),
  priority: fc.option(fc.integer({ min: 0, max: 3 })),
  days: fc.option(fc.integer({ min: 1, max: 3 })),
});
const step = fc.oneof(
  buy,
  fc.record({ what: fc.constant("DRAW" as const), amount }),
  fc.record({ what: fc.constant("GIVE_BACK" as const), amount }),
  fc.record({ what: fc.constant("TAKE_BACK" as const), lot: fc.nat(20) }),
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

function take(book: CreditBook, step: Step, index: number, terms: CreditTerms): boolean {
  const currency = "USD";
  switch (step.what) {
    case "BUY": {
      const expiresAt = step.days === null ? null : new Date(AT.getTime() + step.days * 86_400_000);
      const lot = { dedupe: String(index), code: "a", currency, priority: step.priority, expiresAt, boughtAt: AT };
      book.buy(INTO, { ...lot, faceMinor: step.amount, costMinor: step.cost });
      return true;
    }
    case "DRAW":
      return book.draw(INTO, { currency, amountMinor: step.amount, at: AT }, terms);
    case "GIVE_BACK":
      book.takeBackDraw(INTO, { currency, amountMinor: step.amount });
      return true;
    case "TAKE_BACK": {
      const open = book.lots.filter(({ takenBackPeriodNo }) => takenBackPeriodNo === null);
      const lot = open[step.lot % Math.max(open.length, 1)];
      return lot === undefined ? false : book.takeBack(INTO, lot.dedupe);
    }
  }
}

const anyTerms = fc.record({
  ...{ drawAt: fc.constantFrom(...Object.values(DrawAt)), lowWater: fc.constant(null) },
  ...{ whenExhausted: fc.constantFrom(...Object.values(WhenExhausted)), creditLimitMinor: fc.bigInt(0n, 500n) },
});

function shown({ lots, movements }: CreditBook): string {
  return JSON.stringify([lots, movements], (_, value) => (typeof value === "bigint" ? value.toString() : value));
}

test("whatever is bought, drawn and given back, every lot keeps its face and every entry sums to zero", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), anyTerms, (steps, terms) => {
      const book = new CreditBook({ lots: [], levels: new Map(), lastNo: 0 });
      for (const [index, each] of steps.entries()) {
        const before = shown(book);
        const copy = book.copy();
        const isDone = take(book, each, index, terms);
        if (!isDone) expect(shown(book)).toBe(before); // what is refused leaves it as it was
        expect(shown(copy)).toBe(before);
      }
      for (const { faceMinor, remainingMinor, drawnMinor, takenBackPeriodNo } of book.lots) {
        expect(remainingMinor >= 0n && drawnMinor >= 0n).toBe(true);
        expect(remainingMinor + drawnMinor).toBe(takenBackPeriodNo === null ? faceMinor : 0n);
      }
      const lots = new Map(book.lots.map((lot) => [lot.no, lot]));
      const lines = book.movements.flatMap((movement) => {
        const lot = lots.get(movement.lotNo);
        return lot === undefined ? [] : creditLines(lot, movement);
      });
      expect(lines.reduce((sum, { amountMinor }) => sum + amountMinor, 0n)).toBe(0n);
      const credit = lines.filter(({ account }) => account === AccountName.CREDIT);
      expect(credit.reduce((sum, { amountMinor }) => sum + amountMinor, 0n)).toBe(book.heldIn("USD"));
    }),
    { numRuns: 500 },
  );
});

test("with BLOCK no more is drawn and reserved than there is; with a line no more than the line beyond it", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 20 }), anyTerms, (steps, terms) => {
      const bounded = { ...terms, whenExhausted: WhenExhausted.CREDIT_LINE };
      const book = new CreditBook({ lots: [], levels: new Map(), lastNo: 0 });
      const isTakingBack = ({ what }: Step) => what === "TAKE_BACK";
      for (const [index, each] of steps.filter((each) => !isTakingBack(each)).entries()) {
        take(book, each, index, bounded);
        const { reservedMinor } = book.levelOf("USD");
        expect(book.heldIn("USD") + bounded.creditLimitMinor - reservedMinor >= 0n).toBe(true);
      }
    }),
  );
});

test("drawing and giving the same back, once or in parts, leaves the lots as they were", () => {
  fc.assert(
    fc.property(fc.array(buy, { minLength: 1, maxLength: 8 }), fc.array(amount, { maxLength: 6 }), (lots, draws) => {
      const book = new CreditBook({ lots: [], levels: new Map(), lastNo: 0 });
      for (const [index, each] of lots.entries()) take(book, each, index, TERMS);
      const held = () => book.lots.map(({ no, remainingMinor }) => `${no} ${remainingMinor}`).sort();
      const before = held();
      const draw = (amountMinor: bigint) => book.draw(INTO, { currency: "USD", amountMinor, at: AT }, TERMS);
      for (const each of draws.filter(draw)) {
        const half = each / 2n;
        book.takeBackDraw(INTO, { currency: "USD", amountMinor: half });
        book.takeBackDraw(INTO, { currency: "USD", amountMinor: each - half });
      }
      expect(held()).toEqual(before);
    }),
  );
});

test("of a lot's discount the parts add up to all of it, however the face is used", () => {
  fc.assert(
    fc.property(fc.array(amount, { minLength: 1 }), fc.bigInt(0n, 100_000n), (uses, costMinor) => {
      const lot = { faceMinor: uses.reduce((sum, use) => sum + use, 0n), costMinor };
      let used = 0n;
      const parts = uses.map((use) => {
        used += use;
        return discountOf(lot, used) - discountOf(lot, used - use);
      });
      expect(parts.reduce((sum, part) => sum + part, 0n)).toBe(lot.faceMinor - lot.costMinor);
    }),
  );
});
