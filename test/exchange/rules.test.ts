import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { BookedTransaction, PostedItem } from "../../src/exchange/books/rules.js";
import { BatchMode, TransactionState } from "../../src/exchange/entities.js";
import { activityOf, entryGroups, movesOf } from "../../src/exchange/entries/rules.js";
import {
  type BatchToPost,
  type Decision,
  decideGroup,
  dedupeKey,
  type Facts,
} from "../../src/exchange/posting/rules.js";
import { contentHash, validateItems } from "../../src/exchange/validate.js";
import { assert } from "../../src/kernel/assert.js";
import { linesOf } from "../../src/ledger/service.js";
import { type NaiveBatch, NaiveBooks, type NaiveItem, OPEN_FROM } from "./naive-books.js";

/** Few ids, amounts and days, so that everything meets everything. */
const anyItem: fc.Arbitrary<NaiveItem> = fc.record({
  id: fc.constantFrom("a", "b", "c", "d", "e"),
  kind: fc.constantFrom(
    "BET" as const,
    "BET" as const,
    "WIN" as const,
    "ROLLBACK" as const,
    "ROLLBACK" as const,
    "CREDIT_PURCHASE" as const,
  ),
  amount: fc.constantFrom(1, 1, 1, 2),
  currency: fc.constantFrom("USD" as const, "USD" as const, "USD" as const, "EUR" as const),
  day: fc.integer({ min: 0, max: 6 }),
  reverses: fc.constantFrom("a", "b", "c", "d", "e", "f"),
});
const anyBatches: fc.Arbitrary<NaiveBatch[]> = fc.array(
  fc.record({
    isAtomic: fc.boolean(),
    items: fc.array(
      anyItem.filter((item) => item.id !== item.reverses),
      { minLength: 1, maxLength: 6 },
    ),
  }),
  { minLength: 1, maxLength: 6 },
);

describe("deciding batches", () => {
  test("comes to what naive books come to, however the batches are grouped", () => {
    fc.assert(
      fc.property(anyBatches, fc.array(fc.integer({ min: 1, max: 3 })), (batches, sizes) => {
        const naive = new NaiveBooks();
        const expected = batches.map((batch) => naive.post(batch));
        const database = new Database();
        expect(database.postInGroups(batches, sizes)).toEqual(expected);
        expect(database.totals()).toEqual(totalsOf(naive));
        const states = { POSTED: "POSTED", WAITING: "PENDING_ORIGINAL", REFUSED: "REFUSED" } as const;
        const known = naive.rows.map(({ item, state }) => `${item.id} ${states[state]}`);
        expect(database.rows()).toEqual(known.toSorted());
        expect(database.reversals).toEqual(naive.rollbackOf);
      }),
      { numRuns: 1_000 },
    );
  });

  test("leaves what was known a duplicate in a batch that is aborted, whatever the batch would have done to it", () => {
    const item = { id: "a", kind: "BET", amount: 1, currency: "USD", day: 4, reverses: "" } as const;
    const waiting = { ...item, id: "b", kind: "ROLLBACK", reverses: "a" } as const;
    const bad = { ...item, id: "c", currency: "EUR" } as const;
    const batches = [
      { isAtomic: false, items: [waiting] },
      { isAtomic: true, items: [waiting, item, bad] },
    ];
    expect(new Database().postInGroups(batches, [])).toEqual([
      ["PENDING_ORIGINAL"],
      ["DUPLICATE", "REFUSED BATCH_ABORTED", "REFUSED CURRENCY_UNKNOWN"],
    ]);
  });

  test("moves money that sums to zero, and back to nothing where everything is rolled back", () => {
    fc.assert(
      fc.property(anyBatches, (batches) => {
        const database = new Database();
        database.postInGroups(batches, []);
        const lines = linesOf(movesOf(database.posted));
        expect(lines.reduce((sum, line) => sum + line.amountMinor, 0n)).toBe(0n);
        const again = linesOf([
          ...movesOf(database.posted),
          ...movesOf(database.posted).map((move) => ({ ...move, amountMinor: -move.amountMinor })),
        ]);
        expect(again).toEqual([]);
      }),
    );
  });

  test("groups what is posted into one entry per batch and period, every item in one", () => {
    fc.assert(
      fc.property(anyBatches, (batches) => {
        const database = new Database();
        database.postInGroups(batches, [batches.length]);
        const groups = entryGroups(database.posted);
        expect(new Set(groups.map(({ batchNo, periodNo }) => `${batchNo} ${periodNo}`)).size).toBe(groups.length);
        expect(groups.flatMap(({ items }) => items)).toHaveLength(database.posted.length);
        for (const { batchNo, periodNo, items } of groups) {
          expect(items.every((item) => item.batchNo === batchNo && item.place.periodNo === periodNo)).toBe(true);
        }
      }),
    );
  });
});

describe("the place of a transaction in the unique index", () => {
  test("is the first 16 bytes of SHA-256 over tenant, partner and id", () => {
    expect(dedupeKey(7, 31, "854-B")).toBe("7c61c4c29b4ac8d1cb3b085f16b0e381");
  });

  test("differs wherever tenant, partner or id differ", () => {
    const keys = [
      [1, 11, "1"],
      [11, 1, "1"],
      [1, 1, "11"],
      [1, 1, "1:1"],
      [1, 11, "11"],
    ] as const;
    expect(new Set(keys.map(([tenant, partner, id]) => dedupeKey(tenant, partner, id))).size).toBe(5);
  });
});

/** What the tables would hold: decisions written down between one group and the next. */
class Database {
  readonly booked = new Map<string, BookedTransaction>();
  readonly reversals = new Map<string, string>();
  readonly posted: PostedItem[] = [];
  readonly #givenUp: string[] = [];

  /** Posts batches in groups of these sizes, and then one by one. */
  postInGroups(batches: readonly NaiveBatch[], sizes: readonly number[]): string[][] {
    const outcomes: string[][] = [];
    for (let start = 0, turn = 0; start < batches.length; turn++) {
      const size = sizes[turn] ?? 1;
      const group = batches.slice(start, start + size).map((batch, index) => batchOf(batch, String(start + index)));
      const decision = decideGroup(group, this.#facts());
      this.#write(decision);
      for (const { no } of group) {
        const decided = decision.outcomes.get(no) ?? [];
        outcomes.push(decided.map(({ outcome, code }) => (code === undefined ? outcome : `${outcome} ${code}`)));
      }
      start += size;
    }
    return outcomes;
  }

  totals(): Map<string, { count: number; sum: number }> {
    const sums = activityOf(this.posted, { brands: new Map(), products: new Map([["crash", 1]]) });
    return new Map(
      sums.map(({ periodNo, originPeriodNo, kind, count, sumMinor }) => [
        `${periodNo} ${originPeriodNo} ${kind}`,
        { count: Number(count), sum: Number(sumMinor / 100n) },
      ]),
    );
  }

  #facts(): Facts {
    return {
      booked: new Map(this.booked),
      reversals: new Map(this.reversals),
      removed: new Map(),
      currencies: new Set(["USD"]),
      credit: null,
      creditTermsOf: () => null,
      placeAt: (instant) => placeOf(instant.getUTCDate() - 1),
      placeOfOrigin: placeOf,
    };
  }

  /** Every transaction, those that gave their id up besides: id and state. */
  rows(): string[] {
    const all = [...this.booked].map(([id, { state }]) => `${id} ${state}`);
    return [...all, ...this.#givenUp.map((id) => `${id} REFUSED`)].toSorted();
  }

  #write({ posted, pending, reversed, freed, misfits, givenUp }: Decision): void {
    this.posted.push(...posted);
    for (const key of misfits) {
      const waiting = this.booked.get(key);
      assert(waiting?.state === TransactionState.PENDING_ORIGINAL, "a misfit waited");
      this.booked.set(key, { ...waiting, state: TransactionState.REFUSED });
    }
    for (const key of givenUp) {
      assert(this.booked.get(key)?.state === TransactionState.REFUSED, "only what was refused gives its id up");
      this.booked.delete(key);
      this.#givenUp.push(key);
    }
    for (const { transaction } of [...pending, ...posted]) {
      const { dedupe } = transaction;
      if (this.booked.get(dedupe)?.state === TransactionState.REFUSED) this.#givenUp.push(dedupe);
      this.booked.set(dedupe, transaction);
    }
    for (const original of freed) assert(this.reversals.delete(original), "what is freed was there");
    for (const [original, rollback] of reversed) {
      assert(!this.reversals.has(original), "a plain INSERT");
      this.reversals.set(original, rollback);
    }
  }
}

/** Count and sum by period, origin and kind. */
function totalsOf(naive: NaiveBooks): Map<string, { count: number; sum: number }> {
  const totals = new Map<string, { count: number; sum: number }>();
  for (const { item, isRollback, day } of naive.postings) {
    const name = `${day} ${item.day} ${isRollback ? "ROLLBACK_" : ""}${item.kind}`;
    const { count, sum } = totals.get(name) ?? { count: 0, sum: 0 };
    totals.set(name, { count: count + 1, sum: sum + item.amount });
  }
  return totals;
}

function placeOf(day: number) {
  return day === 0 ? null : { periodNo: Math.max(day, OPEN_FROM), originPeriodNo: day };
}

function batchOf({ isAtomic, items }: NaiveBatch, no: string): BatchToPost {
  const transactions = items.map(({ id, kind, amount, currency, day, reverses }) => ({
    ...{ id, kind, amount: `${amount}.00`, currency, occurredAt: `2026-03-0${day + 1}T00:00:00Z` },
    ...(kind === "ROLLBACK" ? { reverses } : {}),
    ...(kind === "BET" || kind === "WIN" ? { product: "crash" } : {}),
  }));
  const mode = isAtomic ? BatchMode.ATOMIC : BatchMode.INDEPENDENT;
  const acceptedAt = new Date("2026-03-09T00:00:00Z");
  const results = validateItems(transactions, { isTenant: false }).map((result) => {
    if (!result.ok) return result;
    const { id: dedupe, reverses: original } = result.item;
    const hash = contentHash(result.item, (player) => player);
    return { ...result, dedupe, reverses: original, contentHash: hash, player: result.item.player };
  });
  return { no, mode, acceptedAt, isTenants: false, items: results };
}
